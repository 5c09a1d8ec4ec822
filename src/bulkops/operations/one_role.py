"""Roles of which a member has just one: giving one replaces the other, and taking one leaves the lowest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bulkops.model import Item
from bulkops.operations.base import Decision, Guards, fields_of
from bulkops.operations.people import untouchable
from bulkops.providers.base import Change, Named, Person, Roster


async def give(
    item: Item[Any], person: Person, role: Named, ranks: Sequence[str], roster: Roster, guards: Guards
) -> Decision:
    """Skips who has the role already. Who cannot be seen to have one is sent: replacing it by itself does nothing."""
    held = await _held(person, ranks, roster)
    if held == role.id:
        return Decision.skip(item, "already_assigned", f"has {role.id} already")
    if role.id == ranks[0] and (refusal := untouchable(person, fields_of(item).user, roster, guards)):
        return Decision.protected(item, refusal)  # an administrator would be none any more
    return _ready(item, person, role, role.id, held)


async def take(
    item: Item[Any], person: Person, role: Named, ranks: Sequence[str], roster: Roster, guards: Guards
) -> Decision:
    """Sets whoever has the role back to the lowest, which itself cannot be taken."""
    lowest = ranks[0]
    if role.id == lowest:
        message = f"every member has {lowest} at least: delete-user takes them out of the organisation"
        return Decision.invalid(item, "lowest_role", message, column="role")
    held = await _held(person, ranks, roster)
    if held not in {None, role.id}:
        return Decision.skip(item, "not_assigned", f"does not have {role.id}, but {held}")
    if refusal := untouchable(person, fields_of(item).user, roster, guards):
        return Decision.protected(item, refusal)
    return _ready(item, person, role, lowest, held)


async def _held(person: Person, ranks: Sequence[str], roster: Roster) -> str | None:
    """The role that somebody has; None where it cannot be read: somebody has each of the higher ones."""
    readable = False
    for role in ranks[1:]:
        holders = {link.key for link in await roster.links("role", role)}
        if person.id in holders:
            return role
        readable = readable or bool(holders)
    return ranks[0] if readable else None


def _ready(item: Item[Any], person: Person, role: Named, level: str, held: str | None) -> Decision:
    change = Change(fields_of(item), role.id, parent=person.id, level=level, person=person, before=held)
    return Decision.ready(Item(item.row, item.key, change), effect=f"{person.id}|{role.id}", word=f"set to {level}")
