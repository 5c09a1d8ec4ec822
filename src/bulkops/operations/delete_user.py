"""Delete people from an organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Batch, Item, Outcome, Verdict
from bulkops.operations.base import Decision, Guards
from bulkops.providers.base import Organization, Permit, Person, Roster


@dataclass(frozen=True, slots=True)
class PersonPayload:
    """The account that a row was found to mean."""

    person: Person


class DeleteUser:
    """Delete people. Harmless to repeat, and never done on a guess about who is meant."""

    kind: ClassVar[str] = "delete-user"
    summary: ClassVar[str] = "Delete each person's account from the organisation."
    repeatable: ClassVar[bool] = True
    destructive: ClassVar[bool] = True
    undo: ClassVar[str] = "none: the person needs a new invitation and, on Anypoint, a new username"

    def key(self, fields: BaseModel) -> str:
        """The address, username or id as written."""
        return str(getattr(fields, "user", ""))

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Finds whom each row means. Several matches, or none that was ever known, is an invalid row."""
        keys = {item.key.casefold() for item in items}
        people = await roster.people(keys)
        missing = keys - {key for key, found in people.items() if found}
        departed = await roster.departed(missing) if missing else {}
        return {
            item.row: await self._decide(
                item,
                people.get(item.key.casefold(), ()),
                departed.get(item.key.casefold(), ()),
                roster,
                guards,
            )
            for item in items
        }

    async def apply(self, org: Organization, batch: Batch[Any], permit: Permit) -> Mapping[int, Outcome]:
        """One call for the batch; the vendor answers it with a bare status."""
        answer = await org.delete_people(batch.items, permit)
        return {
            item.row: Outcome.succeeded(
                attempts=batch.attempt, http_status=answer.http_status, request_id=answer.request_id
            )
            for item in batch.items
            if item.payload.person.id.casefold() in answer.named
        }

    async def check(self, items: Sequence[Item[Any]], roster: Roster) -> Mapping[int, Verdict]:
        """An account that is no longer among the members is gone: planning had seen each of them there."""
        names = {item.row: _name_of(item) for item in items}
        present = await roster.people(set(names.values()))
        return {item.row: Verdict.NOT_APPLIED if present.get(names[item.row]) else Verdict.APPLIED for item in items}

    async def _decide(
        self,
        item: Item[Any],
        people: Sequence[Person],
        departed: Sequence[Person],
        roster: Roster,
        guards: Guards,
    ) -> Decision:
        if len(people) > 1:
            message = f"{len(people)} accounts match {item.key!r}: write the username or the id"
            return Decision.invalid(
                item, "ambiguous_user", message, column="user", candidates=[str(person) for person in people]
            )
        if not people:
            return await self._absent(item, departed, roster)
        person = people[0]
        refusal = self._refusal(person, item.key, roster, guards)
        if refusal is not None:
            return Decision.protected(item, refusal)
        return Decision.ready(Item(item.row, item.key, PersonPayload(person)), effect=person.id)

    async def _absent(self, item: Item[Any], departed: Sequence[Person], roster: Roster) -> Decision:
        if departed:
            return Decision.skip(item, "already_gone", f"was deleted before: {departed[0]}")
        near = await roster.near("person", item.key)
        return Decision.invalid(
            item, "unknown_user", f"nobody in the organisation is {item.key!r}", column="user", candidates=near
        )

    def _refusal(self, person: Person, key: str, roster: Roster, guards: Guards) -> str | None:
        if roster.caller.is_person(person):
            return f"{person} is the account that bulkops works with"
        if roster.facts.owner_id and person.id == roster.facts.owner_id:
            return f"{person} owns the organisation"
        pattern = guards.protects(key, person.email, person.username, person.id)
        return f"{person} is protected by {pattern!r}" if pattern else None


def _name_of(item: Item[Any]) -> str:
    """The id that planning found; after a crash, what the row says."""
    payload = item.payload
    return (payload.person.id if isinstance(payload, PersonPayload) else item.key).casefold()
