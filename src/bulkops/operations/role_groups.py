"""Give people role groups, and take them away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Item
from bulkops.operations.base import Decision, Guards, Verb, fields_of
from bulkops.operations.people import untouchable, which, whom
from bulkops.providers.base import Change, Named, Office, Person, Roster


class _RoleGroup(Verb):
    """A person and a role group. One role group's calls are made one after the other."""

    gives: ClassVar[bool]

    def key(self, fields: BaseModel) -> str:
        """Person and role group as written."""
        return f"{getattr(fields, 'user', '')} in {getattr(fields, 'role_group', '')}"

    def parent(self, item: Item[Any]) -> str | None:
        """The role group."""
        return str(item.payload.parent)

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Skips people who hold the role group already, or do not."""
        groups = await roster.named("role_group", {fields_of(item).role_group for item in items})
        people = await whom(items, roster, gone_is_done=not self.gives, anywhere=True)
        decisions = {}
        for item in items:
            person = people[item.row]
            group = await which(item, roster, "role_group", "role_group", groups, fields_of(item).role_group)
            if isinstance(person, Decision):
                decisions[item.row] = person
            elif isinstance(group, Decision):
                decisions[item.row] = group
            else:
                decisions[item.row] = await self._decide(item, person, group, roster, guards)
        return decisions

    async def _decide(self, item: Item[Any], person: Person, group: Named, roster: Roster, guards: Guards) -> Decision:
        holders = {link.key for link in await roster.links("role_group", group.id)}
        if self.gives and person.id in holders:
            return Decision.skip(item, "already_assigned", f"holds {group.name} already")
        if not self.gives and person.id not in holders:
            return Decision.skip(item, "not_assigned", f"does not hold {group.name}")
        if not self.gives and (refusal := untouchable(person, fields_of(item).user, roster, guards)):
            return Decision.protected(item, refusal)
        change = Change(fields_of(item), person.id, parent=group.id, person=person)
        return Decision.ready(Item(item.row, item.key, change), effect=f"{person.id} in {group.id}")


class AssignRoleGroup(_RoleGroup):
    """Give people a role group. Harmless to repeat."""

    kind: ClassVar[str] = "assign-role-group"
    summary: ClassVar[str] = "Give each person a role group."
    undo: ClassVar[str] = "unassign-role-group"
    gives: ClassVar[bool] = True

    def effect(self, roster: Roster) -> str:
        """They hold it."""
        return "given a role group"


class UnassignRoleGroup(_RoleGroup):
    """Take a role group from people. Harmless to repeat."""

    kind: ClassVar[str] = "unassign-role-group"
    summary: ClassVar[str] = "Take a role group from each person."
    destructive: ClassVar[bool] = True
    unseats: ClassVar[frozenset[str]] = frozenset({"role_group"})
    undo: ClassVar[str] = "assign-role-group"
    gives: ClassVar[bool] = False

    def effect(self, roster: Roster) -> str:
        """They hold it no longer."""
        return "stripped of a role group"

    def loses_administrator(self, item: Item[Any], office: Office) -> str | None:
        """The person, if the role group is the administrators'."""
        return str(item.payload.key) if item.payload.parent == office.id else None
