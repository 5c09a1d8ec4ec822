"""Give people single permissions, and take them away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Item
from bulkops.operations.base import Decision, Guards, Verb, fields_of
from bulkops.operations.context import context_of
from bulkops.operations.one_role import give, take
from bulkops.operations.people import untouchable, which, whom
from bulkops.providers.base import Change, Named, Office, Person, Roster

CONTEXT = ("organization", "environment", "service", "resource")
"""Columns that say where a permission counts; which of them there are is the provider's."""


class _Role(Verb):
    """A person and a permission in a context. One person's calls are made one after the other."""

    gives: ClassVar[bool]

    def key(self, fields: BaseModel) -> str:
        """Person, permission and context as written."""
        parts = [str(getattr(fields, name, None) or "") for name in ("user", "role", *CONTEXT) if hasattr(fields, name)]
        return " / ".join(parts)

    def parent(self, item: Item[Any]) -> str | None:
        """The person."""
        return str(item.payload.parent)

    def bundle(self, item: Item[Any]) -> str | None:
        """Person and context: a request names each permission once."""
        return "|".join((item.payload.parent, *item.payload.detail))

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Skips permissions that are held in just this context already, or are not."""
        listed = {fields_of(item).role for item in items if not _service(item)}
        roles = await roster.named("role", listed) if listed else {}
        people = await whom(items, roster, gone_is_done=not self.gives, anywhere=True)
        decisions = {}
        for item in items:
            person = people[item.row]
            if isinstance(person, Decision):
                decisions[item.row] = person
                continue
            role = await _which(item, roster, roles)
            if isinstance(role, Named) and (ranks := roster.support[self.kind].ranks):
                one_role = give if self.gives else take
                decisions[item.row] = await one_role(item, person, role, ranks, roster, guards)
                continue
            context = await context_of(item, roster)
            if isinstance(role, Decision):
                decisions[item.row] = role
            elif isinstance(context, Decision):
                decisions[item.row] = context
            else:
                decisions[item.row] = await self._decide(item, person, role, context, roster, guards)
        return decisions

    async def _decide(
        self, item: Item[Any], person: Person, role: Named, context: tuple[str, ...], roster: Roster, guards: Guards
    ) -> Decision:
        kind = "service_role" if _service(item) else "person_role"
        held = [link for link in await roster.links(kind, person.id) if (link.key, link.detail) == (role.id, context)]
        own = [link for link in held if not link.external]
        if self.gives and own:
            return Decision.skip(item, "already_assigned", f"has {role.name} there already")
        if not self.gives and not held:
            return Decision.skip(item, "not_assigned", f"does not have {role.name} there")
        if not self.gives and not own:
            message = f"has {role.name} by a group ({held[0].level}), not as their own: change that group or its people"
            return Decision.skip(item, "external_member", message)
        if not self.gives and (refusal := untouchable(person, fields_of(item).user, roster, guards)):
            return Decision.protected(item, refusal)
        change = Change(fields_of(item), role.id, parent=person.id, detail=context, person=person)
        effect = "|".join((person.id, role.id, *context))
        return Decision.ready(Item(item.row, item.key, change), effect=effect)


def _service(item: Item[Any]) -> str | None:
    """The service whose role it is, where roles of services are told apart."""
    return getattr(fields_of(item), "service", None)


async def _which(item: Item[Any], roster: Roster, roles: Mapping[str, Sequence[Named]]) -> Named | Decision:
    """The role that a row means. Those of a service are listed nowhere: their names stand for themselves."""
    name = fields_of(item).role
    return Named(name, name) if _service(item) else await which(item, roster, "role", "role", roles, name)


class AssignRole(_Role):
    """Give people a permission. Harmless to repeat."""

    kind: ClassVar[str] = "assign-role"
    summary: ClassVar[str] = "Give each person a permission, in an organisation or one environment."
    unseats: ClassVar[frozenset[str]] = frozenset({"role"})
    undo: ClassVar[str] = "unassign-role"
    gives: ClassVar[bool] = True

    def effect(self, roster: Roster) -> str:
        """They have it."""
        return "given a permission"

    def loses_administrator(self, item: Item[Any], office: Office) -> str | None:
        """The person, if the administrators' role is replaced by another."""
        change = item.payload
        return str(change.parent) if change.before == office.id and change.key != office.id else None


class UnassignRole(_Role):
    """Take a permission from people. Harmless to repeat."""

    kind: ClassVar[str] = "unassign-role"
    summary: ClassVar[str] = "Take a permission from each person, in just the context that the row names."
    destructive: ClassVar[bool] = True
    unseats: ClassVar[frozenset[str]] = frozenset({"role"})
    undo: ClassVar[str] = "assign-role"
    gives: ClassVar[bool] = False

    def effect(self, roster: Roster) -> str:
        """They have it no longer."""
        return "stripped of a permission"

    def loses_administrator(self, item: Item[Any], office: Office) -> str | None:
        """The person, if the role is the administrators'."""
        return str(item.payload.parent) if item.payload.key == office.id and not _service(item) else None
