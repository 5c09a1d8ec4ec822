"""The allowlist of connected apps: add, remove, replace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import structlog
from pydantic import BaseModel

from bulkops.model import Item, Verdict
from bulkops.operations.base import Decision, Guards, Verb, fields_of
from bulkops.providers.base import Change, Roster

log = structlog.get_logger(__name__)

Entries = Mapping[str, frozenset[str]]


class _Allowlist(Verb):
    """Entries of the one allowlist that an organisation has; its calls are made one after the other."""

    def key(self, fields: BaseModel) -> str:
        """The client id."""
        return str(getattr(fields, "client_id", ""))

    def parent(self, item: Item[Any]) -> str | None:
        """The allowlist."""
        return "allowlist"

    async def population(self, roster: Roster) -> int | None:
        """The entries there are."""
        return len(await _entries(roster))

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Skips entries that are as wanted."""
        entries = await _entries(roster)
        return {
            item.row: self._already(item, entries) or self._guarded(item, guards) or self._ready(item, entries)
            for item in items
        }

    def _guarded(self, item: Item[Any], guards: Guards) -> Decision | None:
        """Nothing that is only added to needs a guard."""
        return None

    def _already(self, item: Item[Any], entries: Entries) -> Decision | None:
        raise NotImplementedError

    def _ready(self, item: Item[Any], entries: Entries) -> Decision:
        return _ready(item, fields_of(item).scopes)


async def _entries(roster: Roster) -> Entries:
    """Scopes by client id. A client may be listed more than once: its scopes add up."""
    found: dict[str, frozenset[str]] = {}
    for link in await roster.links("allowlist", ""):
        found[link.key] = found.get(link.key, frozenset()) | frozenset(link.detail)
    return found


def _ready(item: Item[Any], scopes: Iterable[str], *, gone: tuple[str, ...] = ()) -> Decision:
    fields = fields_of(item)
    change = Change(fields, fields.client_id, parent="allowlist", detail=tuple(sorted(set(scopes))), gone=gone)
    return Decision.ready(Item(item.row, item.key, change), effect=fields.client_id)


def _planned_to_go(items: Sequence[Item[Any]], beside: set[str]) -> set[str]:
    """What planning saw on the list beside the file; after a crash nobody knows, and it is all that is there."""
    planned = [item.payload.gone for item in items if isinstance(item.payload, Change)]
    return set(planned[0]) if planned else beside


def _as_wanted(item: Item[Any], entries: Entries) -> bool:
    """Whether the app is there with just the row's scopes; a row without scopes asks only that it be there."""
    fields = fields_of(item)
    held = entries.get(fields.client_id)
    return held is not None and (not fields.scopes or held == frozenset(fields.scopes))


class AllowlistAdd(_Allowlist):
    """Put apps on the allowlist, or give them more scopes. Harmless to repeat.

    An entry is sent with the scopes that it has and those that it gets: whether the provider then replaces or adds is
    not published, and this comes out the same.
    """

    kind: ClassVar[str] = "allowlist-add"
    summary: ClassVar[str] = "Put each app on the allowlist, with the scopes that its row names beside those it has."
    undo: ClassVar[str] = "allowlist-remove; an app that was on the list before had fewer scopes"

    def effect(self, roster: Roster) -> str:
        """They are allowed."""
        return "put on the allowlist"

    def _already(self, item: Item[Any], entries: Entries) -> Decision | None:
        """An entry without scopes may use all that its app is registered for."""
        fields = fields_of(item)
        held = entries.get(fields.client_id)
        if held is None or (held and not held.issuperset(fields.scopes)):
            return None
        scopes = ", ".join(sorted(held)) or "all it is registered for"
        return Decision.skip(item, "already_allowed", f"is on the allowlist with its scopes: {scopes}")

    def _ready(self, item: Item[Any], entries: Entries) -> Decision:
        fields = fields_of(item)
        return _ready(item, entries.get(fields.client_id, frozenset()).union(fields.scopes))


class AllowlistRemove(_Allowlist):
    """Take apps off the allowlist. Harmless to repeat."""

    kind: ClassVar[str] = "allowlist-remove"
    summary: ClassVar[str] = "Take each app off the allowlist."
    destructive: ClassVar[bool] = True
    undo: ClassVar[str] = "allowlist-add, with the scopes that each had"

    def effect(self, roster: Roster) -> str:
        """They are allowed no longer."""
        return "taken off the allowlist"

    def _already(self, item: Item[Any], entries: Entries) -> Decision | None:
        if fields_of(item).client_id in entries:
            return None
        return Decision.skip(item, "not_allowed_before", "is not on the allowlist")

    def _guarded(self, item: Item[Any], guards: Guards) -> Decision | None:
        client = fields_of(item).client_id
        pattern = guards.protects(client)
        return Decision.protected(item, f"app {client} is protected by {pattern!r}") if pattern else None

    def _ready(self, item: Item[Any], entries: Entries) -> Decision:
        return _ready(item, ())  # an app goes with all its scopes


class AllowlistReplace(_Allowlist):
    """Make the allowlist what the file says: entries that it does not name are removed. Harmless to repeat."""

    kind: ClassVar[str] = "allowlist-replace"
    summary: ClassVar[str] = "Replace the whole allowlist by the file; entries that it does not name are removed."
    destructive: ClassVar[bool] = True
    whole: ClassVar[bool] = True
    undo: ClassVar[str] = "allowlist-replace with the former list"

    def effect(self, roster: Roster) -> str:
        """The list is the file."""
        return "made the whole allowlist"

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """All rows are sent, or none when the list is just as the file says."""
        entries = await _entries(roster)
        removals = await self.removals(items, roster)
        for client in removals:
            if pattern := guards.protects(client):
                message = f"app {client}, which no row names, is protected by {pattern!r}"
                return {item.row: Decision.protected(item, message) for item in items}
        same = all(_as_wanted(item, entries) for item in items) and not removals
        gone = tuple(removals)
        return {
            item.row: Decision.skip(item, "already_allowed", "the allowlist is just as the file says")
            if same
            else _ready(item, fields_of(item).scopes, gone=gone)
            for item in items
        }

    async def check(
        self, items: Sequence[Item[Any]], roster: Roster, sent_at: Mapping[int, float]
    ) -> Mapping[int, Verdict]:
        """All rows alike: it happened when all of them are on the list, and nothing that was to go with it.

        What others have put on it since planning looked is told in the log, and left there. Where the list must be
        sent again it would go unseen: then the rows stay in doubt, and the next session plans anew and asks.
        """
        entries = await _entries(roster)
        beside = set(await self.removals(items, roster))
        new = beside - _planned_to_go(items, beside)
        if new:
            log.warning("allowlist.differs", beside_the_file=len(new), first=sorted(new)[:5])
        if beside == new and all(_as_wanted(item, entries) for item in items):
            verdict = Verdict.APPLIED
        else:
            verdict = Verdict.UNKNOWN if new else Verdict.NOT_APPLIED
        return {item.row: verdict for item in items}

    async def removals(self, items: Sequence[Item[Any]], roster: Roster) -> Sequence[str]:
        """The client ids on the list that no row names."""
        named = {fields_of(item).client_id for item in items}
        return sorted(client for client in await _entries(roster) if client not in named)
