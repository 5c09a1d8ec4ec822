"""The context of a permission: an organisation and perhaps one environment of it, or a service and a resource."""

from __future__ import annotations

from typing import Any

from bulkops.model import Item
from bulkops.operations.base import Decision, fields_of
from bulkops.operations.people import which
from bulkops.providers.base import Roster


async def context_of(item: Item[Any], roster: Roster) -> tuple[str, ...] | Decision:
    """`org=ID` and, where the row names an environment, `envId=ID`, sorted; or why a name means nothing.

    Where permissions are not held in organisations: `service=ID` and `resource=NAME`, as far as the row has them.
    """
    fields = fields_of(item)
    if not hasattr(fields, "organization"):
        named = {name: getattr(fields, name, None) for name in ("resource", "service")}
        return tuple(f"{name}={value}" for name, value in named.items() if value)
    organization = roster.facts.id
    if fields.organization is not None and fields.organization != organization:
        found = await roster.named("organization", [fields.organization])
        chosen = await which(item, roster, "organization", "organization", found, fields.organization)
        if isinstance(chosen, Decision):
            return chosen
        organization = chosen.id
    pairs = [f"org={organization}"]
    if fields.environment is not None:
        environments = await roster.named("environment", [fields.environment], organization)
        chosen = await which(item, roster, "environment", "environment", environments, fields.environment)
        if isinstance(chosen, Decision):
            return chosen
        pairs.append(f"envId={chosen.id}")
    return tuple(sorted(pairs))
