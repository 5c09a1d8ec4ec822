"""Whom a row means, and whom nothing may be done to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bulkops.model import Item
from bulkops.operations.base import Decision, Guards, fields_of
from bulkops.providers.base import Named, Person, Roster


async def whom(
    items: Sequence[Item[Any]], roster: Roster, *, full: bool = False, gone_is_done: bool = False
) -> Mapping[int, Person | Decision]:
    """The person that each row's `user` means, or the decision where it means nobody, or several people.

    `full` asks for the fields that a change must write back. With `gone_is_done` somebody who was deleted before is
    skipped; otherwise the row is invalid.
    """
    names = {item.row: str(fields_of(item).user) for item in items}
    people = await (roster.accounts if full else roster.people)(set(names.values()))
    missing = {name for name in names.values() if not people.get(name)}
    departed = await roster.departed(missing) if missing else {}
    found: dict[int, Person | Decision] = {}
    for item in items:
        name = names[item.row]
        matches = people.get(name, ())
        if len(matches) == 1:
            found[item.row] = matches[0]
        elif matches:
            found[item.row] = ambiguous(item, name, matches)
        else:
            found[item.row] = await _absent(item, name, departed.get(name, ()), roster, gone_is_done=gone_is_done)
    return found


def ambiguous(item: Item[Any], name: str, matches: Sequence[Person]) -> Decision:
    """Several accounts: whom the row means is for a person to say."""
    message = f"{len(matches)} accounts match {name!r}: write the username or the id"
    return Decision.invalid(
        item, "ambiguous_user", message, column="user", candidates=[str(person) for person in matches]
    )


async def _absent(
    item: Item[Any], name: str, departed: Sequence[Person], roster: Roster, *, gone_is_done: bool
) -> Decision:
    if departed and gone_is_done:
        return Decision.skip(item, "already_gone", f"was deleted before: {departed[0]}")
    if departed:
        return Decision.invalid(item, "unknown_user", f"{departed[0]} was deleted", column="user")
    near = await roster.near("person", name)
    return Decision.invalid(
        item, "unknown_user", f"nobody in the organisation is {name!r}", column="user", candidates=near
    )


def untouchable(person: Person, name: str, roster: Roster, guards: Guards) -> str | None:
    """Why an account may not be deleted or disabled; None when it may."""
    if roster.caller.is_person(person):
        return f"{person} is the account that bulkops works with"
    if roster.facts.owner_id and person.id == roster.facts.owner_id:
        return f"{person} owns the organisation"
    return protected(person, name, guards)


def unstrippable(person: Person, name: str, roster: Roster, guards: Guards) -> str | None:
    """Why nothing may be taken from an account; None when it may. The caller could not go on without its rights."""
    if roster.caller.is_person(person):
        return f"{person} is the account that bulkops works with"
    return protected(person, name, guards)


def protected(person: Person, name: str, guards: Guards) -> str | None:
    """Why an account is untouchable by the configuration; None when it is not."""
    pattern = guards.protects(name, person.email, person.username, person.id)
    return f"{person} is protected by {pattern!r}" if pattern else None


async def which(
    item: Item[Any], roster: Roster, kind: str, column: str, found: Mapping[str, Sequence[Named]], name: str
) -> Named | Decision:
    """The thing of `kind` that a name in `column` means, out of what was `found`; or why it means none."""
    matches = found.get(name, ())
    if len(matches) == 1:
        return matches[0]
    label = kind.replace("_", " ")
    if matches:
        candidates = [f"{match.name} (id {match.id})" for match in matches]
        message = f"{len(matches)} {label}s are called {name!r}: write the id instead"
        return Decision.invalid(item, f"ambiguous_{kind}", message, column=column, candidates=candidates)
    near = await roster.near(kind, name)
    return Decision.invalid(item, f"unknown_{kind}", f"no {label} is called {name!r}", column=column, candidates=near)
