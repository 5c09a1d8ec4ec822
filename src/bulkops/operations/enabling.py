"""Disable people's accounts, and enable them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Item
from bulkops.operations.base import Decision, Guards, Verb
from bulkops.operations.people import untouchable, whom
from bulkops.providers.base import Change, Office, Person, Roster


class _SetEnabled(Verb):
    """Writes one flag of an account; all other fields are written back as they were read."""

    enabled: ClassVar[bool]

    def key(self, fields: BaseModel) -> str:
        """The address, username or id as written."""
        return str(getattr(fields, "user", ""))

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Skips accounts that are so already."""
        found = await whom(items, roster, full=True, gone_is_done=not self.enabled)
        return {
            item.row: person
            if isinstance(person := found[item.row], Decision)
            else self._decide(item, person, roster, guards)
            for item in items
        }

    def _decide(self, item: Item[Any], person: Person, roster: Roster, guards: Guards) -> Decision:
        word = "enabled" if self.enabled else "disabled"
        if person.enabled == self.enabled:
            return Decision.skip(item, f"already_{word}", f"is {word} already: {person}")
        if not self.enabled and (refusal := untouchable(person, item.key, roster, guards)):
            return Decision.protected(item, refusal)
        change = Change(item.payload, person.id, level=word, person=person)
        return Decision.ready(Item(item.row, item.key, change), effect=person.id)


class DisableUser(_SetEnabled):
    """Disable accounts. Harmless to repeat."""

    kind: ClassVar[str] = "disable-user"
    summary: ClassVar[str] = "Disable each person's account: it stays, and cannot sign in."
    destructive: ClassVar[bool] = True
    unseats: ClassVar[frozenset[str]] = frozenset({"role_group", "role"})
    undo: ClassVar[str] = "enable-user"
    enabled: ClassVar[bool] = False

    def effect(self, roster: Roster) -> str:
        """They cannot sign in."""
        return "disabled"

    def loses_administrator(self, item: Item[Any], office: Office) -> str | None:
        """The person: somebody who cannot sign in administers nothing."""
        return str(item.payload.key)


class EnableUser(_SetEnabled):
    """Enable accounts again. Harmless to repeat."""

    kind: ClassVar[str] = "enable-user"
    summary: ClassVar[str] = "Enable each person's account again."
    undo: ClassVar[str] = "disable-user"
    enabled: ClassVar[bool] = True

    def effect(self, roster: Roster) -> str:
        """They can sign in."""
        return "enabled"
