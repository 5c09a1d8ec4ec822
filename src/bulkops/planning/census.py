"""Who and what is in an organisation, read whole: what a migration compares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bulkops.errors import AccessError, RejectedError, StoppedError
from bulkops.fetch import Portion, read_table, side_by_side, walk
from bulkops.providers.base import Invitation, Link, Named, Organization, Person

LISTS = {"role_group": "assign-role-group", "team": "add-team-member"}
"""What people are members of, by kind, with the operation by which a provider shows that it has such."""
APPS = "connected-apps"
SIDE_BY_SIDE = 8


@dataclass(frozen=True, slots=True)
class Census:
    """An organisation as it was read.

    `groups` are the role groups and teams by kind; `members` tells for each kind and id who is in it. `allowlist` is
    None where the provider has none. `invite_columns` are those of an invitation, `invite_needs` the ones it must have.
    """

    id: str
    name: str
    provider: str
    people: Sequence[Person]
    invitations: Sequence[Invitation]
    groups: Mapping[str, Sequence[Named]]
    members: Mapping[tuple[str, str], Sequence[Link]]
    allowlist: Sequence[Link] | None = None
    operations: frozenset[str] = frozenset()
    invite_columns: frozenset[str] = frozenset()
    invite_needs: frozenset[str] = frozenset()
    root: bool = True
    caller_id: str = ""
    owner_id: str = ""
    _held: dict[str, list[tuple[str, Named, Link]]] = field(default_factory=dict)

    def held_by(self, person: Person) -> Sequence[tuple[str, Named, Link]]:
        """The kind, the group and the membership of everything that a person is in."""
        if not self._held and self.members:
            self._held.update(self._memberships())
        return self._held.get(person.id, ())

    def _memberships(self) -> Mapping[str, list[tuple[str, Named, Link]]]:
        found: dict[str, list[tuple[str, Named, Link]]] = defaultdict(list)
        for kind, groups in self.groups.items():
            for group in groups:
                for link in self.members.get((kind, group.id), ()):
                    found[link.key].append((kind, group, link))
        return found


async def take_census(org: Organization, *, in_flight: int = 4) -> Census:
    """Read an organisation. Raises as reads do, StoppedError also where a listing does not hold still."""
    facts, caller = await org.facts(), await org.caller()
    operations = frozenset(name for name, one in org.support.items() if facts.root or not one.root_only)
    kinds = [kind for kind, operation in LISTS.items() if operation in operations]
    groups = {kind: await walk(org.named(kind), in_flight=in_flight) for kind in kinds}
    members: dict[tuple[str, str], Sequence[Link]] = {}

    async def read(one: tuple[str, Named]) -> None:
        kind, group = one
        members[kind, group.id] = await walk(org.links(kind, group.id))

    await side_by_side([(kind, group) for kind in kinds for group in groups[kind]], read, width=SIDE_BY_SIDE)
    fields = org.support["invite"].fields.model_fields if "invite" in org.support else {}
    return Census(
        id=facts.id,
        name=facts.name,
        provider=org.provider,
        people=await walk(org.people(), in_flight=in_flight),
        invitations=await walk(org.invitations(), in_flight=in_flight),
        groups=groups,
        members=members,
        allowlist=await walk(org.links("allowlist", "")) if "allowlist-add" in operations else None,
        operations=operations,
        invite_columns=frozenset(fields),
        invite_needs=frozenset(name for name, one in fields.items() if one.is_required()),
        root=facts.root,
        caller_id=caller.id,
        owner_id=facts.owner_id or "",
    )


async def apps_of(org: Organization) -> frozenset[str] | None:
    """The client ids of the apps that an organisation has; None where it does not tell, or may not be asked."""
    if APPS not in org.resources:
        return None
    found: set[str] = set()

    async def take(portion: Portion) -> None:
        found.update(str(row["client_id"]) for row in portion.rows)

    try:
        sure = await read_table(org.resources[APPS], org.resources, take)
    except (AccessError, RejectedError, StoppedError):
        return None
    return frozenset(found) if sure.proven else None
