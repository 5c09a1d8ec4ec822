"""Whom a row means, and whom nothing may be done to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bulkops.model import Item
from bulkops.operations.base import Decision, Guards, fields_of
from bulkops.providers.base import Named, Person, Roster


async def whom(
    items: Sequence[Item[Any]],
    roster: Roster,
    *,
    full: bool = False,
    gone_is_done: bool = False,
    anywhere: bool = False,
) -> Mapping[int, Person | Decision]:
    """The person that each row's `user` means, or the decision where it means nobody, or several people.

    `full` asks for the fields that a change must write back. With `gone_is_done` somebody who was deleted before is
    skipped; otherwise the row is invalid. With `anywhere` people of the root organisation are found from a business
    group, too.
    """
    names = {item.row: str(fields_of(item).user) for item in items}
    people = await (roster.accounts if full else roster.people)(set(names.values()))
    missing = {name for name in names.values() if not people.get(name)}
    if missing and not roster.facts.root:
        outside = await roster.everybody(missing)
        if anywhere:
            people = {**people, **{name: found for name, found in outside.items() if found}}
            missing = {name for name in missing if not people.get(name)}
        else:
            return {
                item.row: _here(item, names[item.row], people, outside, gone_is_done=gone_is_done)
                or await _absent(item, names[item.row], (), roster, gone_is_done=gone_is_done)
                for item in items
            }
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


def _here(
    item: Item[Any],
    name: str,
    people: Mapping[str, Sequence[Person]],
    outside: Mapping[str, Sequence[Person]],
    *,
    gone_is_done: bool,
) -> Person | Decision | None:
    """Whom a row means in a business group, where people of the root have nothing to lose; None for nobody at all."""
    matches = people.get(name, ())
    if matches:
        return matches[0] if len(matches) == 1 else ambiguous(item, name, matches)
    if gone_is_done and (elsewhere := outside.get(name, ())):
        return Decision.skip(item, "already_gone", f"has nothing in this business group: {elsewhere[0]}")
    return None


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
    """Why an account may not be deleted, disabled or stripped of anything; None when it may."""
    if roster.caller.is_person(person):
        return f"{person} is the account that bulkops works with"
    if roster.facts.owner_id and person.id == roster.facts.owner_id:
        return f"{person} owns the organisation"
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
    if len(matches) == 1 and matches[0].fixed:
        return Decision.invalid(item, f"external_{kind}", f"{matches[0].name} {matches[0].fixed}", column=column)
    if len(matches) == 1:
        return matches[0]
    label = kind.replace("_", " ")
    if matches:
        candidates = [str(match) for match in matches]
        message = f"{len(matches)} {label}s are called {name!r}: write the id instead"
        return Decision.invalid(item, f"ambiguous_{kind}", message, column=column, candidates=candidates)
    near = await roster.near(kind, name)
    return Decision.invalid(item, f"unknown_{kind}", f"no {label} is called {name!r}", column=column, candidates=near)
