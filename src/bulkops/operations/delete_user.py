"""Delete people from an organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Item, Verdict
from bulkops.operations.base import Decision, Guards, Verb
from bulkops.operations.people import untouchable, whom
from bulkops.providers.base import Change, Office, Roster


class DeleteUser(Verb):
    """Delete people. Harmless to repeat, and never done on a guess about who is meant."""

    kind: ClassVar[str] = "delete-user"
    summary: ClassVar[str] = "Delete each person's account; in a business group, strip its permissions there."
    destructive: ClassVar[bool] = True
    unseats: ClassVar[frozenset[str]] = frozenset({"role_group", "role"})
    probed: ClassVar[bool] = True
    undo: ClassVar[str] = "none: the person needs a new invitation and perhaps a new username"

    def key(self, fields: BaseModel) -> str:
        """The address, username or id as written."""
        return str(getattr(fields, "user", ""))

    def effect(self, roster: Roster) -> str:
        """The root organisation loses the person, a business group only takes its permissions away."""
        if roster.facts.root:
            return "deleted from the organisation"
        return "stripped of their permissions there; the accounts stay"

    def way_back(self, roster: Roster) -> str:
        """In a business group the account stays, so that its permissions can be given again."""
        return self.undo if roster.facts.root else "assign-role-group and assign-role give permissions again"

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Finds whom each row means. Several matches, or none that was ever known, is an invalid row."""
        found = await whom(items, roster, gone_is_done=True)
        decisions = {}
        for item in items:
            person = found[item.row]
            if isinstance(person, Decision):
                decisions[item.row] = person
            elif refusal := untouchable(person, item.key, roster, guards):
                decisions[item.row] = Decision.protected(item, refusal)
            else:
                change = Change(item.payload, person.id, person=person)
                decisions[item.row] = Decision.ready(Item(item.row, item.key, change), effect=person.id)
        return decisions

    async def check(
        self, items: Sequence[Item[Any]], roster: Roster, sent_at: Mapping[int, float]
    ) -> Mapping[int, Verdict]:
        """An account that is no longer among the members is gone: planning had seen each of them there.

        Deleting one that signs in through an identity provider disables it, and it stays listed.
        """
        names = {item.row: item.payload.key if isinstance(item.payload, Change) else item.key for item in items}
        found = await roster.people(set(names.values()))
        present = {
            name for name, people in found.items() if not all(one.federated and not one.enabled for one in people)
        }
        return {item.row: Verdict.NOT_APPLIED if names[item.row] in present else Verdict.APPLIED for item in items}

    def loses_administrator(self, item: Item[Any], office: Office) -> str | None:
        """The person."""
        return str(item.payload.key)
