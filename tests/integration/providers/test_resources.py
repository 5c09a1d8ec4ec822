"""What each provider says of its resources is true of what its listings give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from bulkops.fetch import Joined, Portion, read_table
from bulkops.providers.base import Organization
from bulkops.providers.resources import Cell, Kind, Record, Resource
from bulkops.testing.desk import open_desk
from bulkops.transport import Scrubber
from bulkops.wiring import ADAPTERS, AVAILABLE, Overrides, open_organization

WANTED = {
    "anypoint": {
        *("users", "members", "invites", "role-groups", "role-group-members", "teams", "team-members", "user-roles"),
        *("allowlist", "connected-apps", "environments", "business-groups"),
    },
    "vmware-csp": {"users", "invitations", "groups", "group-members", "roles"},
    "wiremock-cloud": {"users", "invitations", "teams", "team-members"},
}


def fits(kind: Kind, value: Cell) -> bool:
    """Whether a value is of the kind that its column has."""
    if kind is Kind.DATE:
        return value is None or (isinstance(value, str) and datetime.fromisoformat(value).utcoffset() is not None)
    if kind is Kind.TEXTS:
        return isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    wanted = {Kind.TEXT: str, Kind.FLAG: bool, Kind.NUMBER: int}[kind]
    return isinstance(value, wanted) or (value is None and kind is Kind.NUMBER)


async def rows_of(org: Organization, resource: Resource) -> list[Record]:
    """All records, of which somebody vouches that they are all."""
    found: list[Record] = []

    async def take(portion: Portion) -> None:
        found.extend(portion.rows)

    sure = await read_table(resource, org.resources, take)
    assert sure.proven, sure.why
    assert sure.seen == len(found)
    return found


def check(resource: Resource, rows: list[Record], tables: Mapping[str, Resource], fields: set[str]) -> None:
    """One resource against its rows."""
    schema = resource.schema
    assert rows, resource.name
    for row in rows:
        assert tuple(row) == resource.plain or set(row) == set(resource.plain), resource.name
        for name, value in row.items():
            assert fits(schema[name], value), (resource.name, name, value)
    keys = [tuple(row[name] for name in resource.key) for row in rows]
    assert len(keys) == len(set(keys)), resource.name
    assert set(resource.feeds) <= fields, resource.name
    assert set(resource.feeds.values()) <= set(schema), resource.name
    assert not resource.within or "id" in tables[resource.within].schema
    assert not {"code", "secret", "client_secret", "token", "refLink"} & set(schema)


@pytest.mark.parametrize("vendor", ADAPTERS)
async def test_rows_are_what_their_resource_says(vendor: str, tmp_path: Path) -> None:
    """All columns and no others, of their kinds; keys tell rows apart; what rows feed are fields of operations."""
    fields = {name for one in AVAILABLE[vendor].values() for name in one.fields.model_fields}
    async with (
        open_desk(tmp_path, vendor=vendor, people=60) as desk,
        open_organization(
            desk.config.choose(None)[1],
            scrubber=Scrubber(),
            overrides=Overrides(),
            sandbox_state=tmp_path / "unused",
            environ={},
        ) as org,
    ):
        tables = org.resources
        assert set(tables) == WANTED[vendor]
        for resource in tables.values():
            rows = await rows_of(org, resource)
            check(resource, rows, tables, fields)
            joined = Joined(resource, resource.joins)
            await joined.read(tables)
            assert set(joined.complete(rows[0])) == set(resource.schema)
