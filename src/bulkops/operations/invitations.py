"""Send invitations again, or take them back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Item, Verdict
from bulkops.operations.base import Decision, Fate, Guards, Verb, fields_of
from bulkops.providers.base import Change, Invitation, Person, Roster


class _OfInvitation(Verb):
    """An operation on an invitation that is named by its address or its id."""

    def key(self, fields: BaseModel) -> str:
        """The invitation's id where the row has it, else the address."""
        return str(getattr(fields, "invite_id", None) or getattr(fields, "email", ""))

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Finds the one invitation that a row means."""
        found = await roster.invitations({item.key for item in items})
        open_ones = {item.row: [one for one in found.get(item.key, ()) if not one.closed] for item in items}
        emails = {item.row: getattr(fields_of(item), "email", None) for item in items}
        missing = {email for row, email in emails.items() if email and not open_ones[row]}
        joined = await roster.people(missing) if missing else {}
        return {
            item.row: self._one(item, open_ones[item.row], emails[item.row])
            if open_ones[item.row]
            else self._none(item, joined=bool(joined.get(emails[item.row] or "")))
            for item in items
        }

    async def population(self, roster: Roster) -> int | None:
        """The invitations there are."""
        return await roster.count_invitations()

    def _one(self, item: Item[Any], matches: Sequence[Invitation], email: str | None) -> Decision:
        if len(matches) > 1:
            candidates = [f"id {one.id}{' (expired)' if one.expired else ''}" for one in matches]
            message = f"{len(matches)} invitations of {item.key!r}: write the invite_id"
            return Decision.invalid(item, "ambiguous_invite", message, column="email", candidates=candidates)
        invitation = matches[0]
        if email is not None and invitation.email.casefold() != email.casefold():
            message = f"invitation {invitation.id} is of {invitation.email!r}, and the row says {email!r}"
            return Decision.invalid(item, "unknown_invite", message, column="email")
        change = Change(
            fields_of(item),
            invitation.id,
            since=invitation.mailed_at,
            address=invitation.email,
            terms=invitation.terms,
        )
        return Decision.ready(Item(item.row, item.key, change), effect=f"invitation {invitation.id}")

    def _none(self, item: Item[Any], *, joined: bool) -> Decision:
        raise NotImplementedError


class ResendInvite(_OfInvitation):
    """Send the mail of an invitation again. Repeating it sends one more.

    Where the provider cannot send one again, the invitation is taken back and made anew, in two calls. Whatever
    happens between them, what it was stays noted until the new one is there.
    """

    kind: ClassVar[str] = "resend-invite"
    summary: ClassVar[str] = "Send the mail of each outstanding or expired invitation again."
    repeatable: ClassVar[bool] = False
    dated: ClassVar[bool] = True
    undo: ClassVar[str] = "none: the mail cannot be unsent"

    def effect(self, roster: Roster) -> str:
        """One more mail to each."""
        anew = roster.support[self.kind].anew
        return "taken back and invited anew by mail" if anew else "sent again by mail"

    def memo(self, item: Item[Any]) -> str:
        """The invitation as it was."""
        return Former.of(item).as_text()

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Finds the one invitation that a row means; of one that was taken back already, what it was."""
        begun = [item for item in items if item.memo]
        decisions = dict(await super().resolve([item for item in items if not item.memo], roster, guards))
        if roster.support[self.kind].anew:
            plain = {row: _with_terms(decision) for row, decision in decisions.items()}
            decisions = await self._without_twins(await self._without_members(plain, roster), roster)
        if begun:
            decisions.update(await self._resolve_begun(begun, roster))
        return decisions

    async def _without_members(self, decisions: dict[int, Decision], roster: Roster) -> dict[int, Decision]:
        """Of a member's address no invitation is made anew: nothing might come of it, and the old one would be gone."""
        ready = {row: one.item.payload for row, one in decisions.items() if one.fate is Fate.READY}
        joined = await roster.people({change.address for change in ready.values()}) if ready else {}
        for row, change in ready.items():
            if joined[change.address]:
                item = decisions[row].item
                back = Item(item.row, item.key, change.fields, memo=item.memo)
                decisions[row] = Decision.skip(back, "already_member", "there is an account; the invitation was left")
        return decisions

    async def _without_twins(self, decisions: dict[int, Decision], roster: Roster) -> dict[int, Decision]:
        """Of an address that has several invitations none is made anew: which is the new one could not be told."""
        ready = {row: one.item.payload for row, one in decisions.items() if one.fate is Fate.READY}
        found = await roster.invitations({change.address for change in ready.values()}) if ready else {}
        for row, change in ready.items():
            if others := [one for one in found[change.address] if one.outstanding and one.id != change.key]:
                message = f"{change.address} has other invitations, too: take them back with revoke-invite before"
                item, twins = decisions[row].item, [f"id {one.id}" for one in others]
                back = Item(item.row, item.key, change.fields, memo=item.memo)
                decisions[row] = Decision.invalid(
                    back, "ambiguous_invite", message, column="invite_id", candidates=twins
                )
        return decisions

    async def check(
        self, items: Sequence[Item[Any]], roster: Roster, sent_at: Mapping[int, float]
    ) -> Mapping[int, Verdict]:
        """An invitation that is dated later than before, or than the call by the provider's clock, was sent again.

        One that is not tells nothing: nobody says that each mail moves a date, and a second mail cannot be unsent.
        One that was made anew is another one.
        """
        if roster.support[self.kind].anew:
            return await self._check_anew(items, roster)
        found = await roster.invitations({item.key for item in items})
        return {item.row: _resent(item, found.get(item.key, ()), sent_at.get(item.row)) for item in items}

    async def _resolve_begun(self, items: Sequence[Item[Any]], roster: Roster) -> Mapping[int, Decision]:
        former = {item.row: Former.of(item) for item in items}
        addresses = {one.address for one in former.values()}
        found, joined = await roster.invitations(addresses), await roster.people(addresses)
        return {
            item.row: _begun(item, former[item.row], found[former[item.row].address], joined[former[item.row].address])
            for item in items
        }

    async def _check_anew(self, items: Sequence[Item[Any]], roster: Roster) -> Mapping[int, Verdict]:
        former = {item.row: Former.of(item) for item in items}
        addresses = {one.address for one in former.values() if one.address}
        found = await roster.invitations(addresses)
        joined = await roster.people(addresses)
        return {
            item.row: _made_anew(one, found[one.address], joined[one.address]) if one.address else Verdict.UNKNOWN
            for item in items
            for one in (former[item.row],)
        }

    def _none(self, item: Item[Any], *, joined: bool) -> Decision:
        if joined:
            return Decision.skip(item, "already_member", "the invitation was accepted: there is an account")
        message = f"no invitation of {item.key!r} is outstanding or expired"
        return Decision.invalid(item, "unknown_invite", message, column="email")


@dataclass(frozen=True, slots=True)
class Former:
    """An invitation that is taken back to be made anew; `id` is empty once it is known to be gone."""

    id: str = ""
    address: str = ""
    terms: str = field(default="", repr=False)

    @classmethod
    def of(cls, item: Item[Any]) -> Former:
        """As planning found it, or as it was noted before the first call; nothing where neither is there."""
        if isinstance(item.payload, Change):
            return cls(item.payload.key, item.payload.address, item.payload.terms)
        return cls(**json.loads(item.memo)) if item.memo else cls()

    def as_text(self) -> str:
        """What `of` reads."""
        return json.dumps({"id": self.id, "address": self.address, "terms": self.terms})

    def others(self, found: Sequence[Invitation]) -> list[Invitation]:
        """The outstanding ones that were made after it."""
        return [one for one in found if one.outstanding and one.id != self.id]


def _with_terms(decision: Decision) -> Decision:
    """An invitation of which nobody can tell what it grants is left as it is: none like it could be made."""
    if decision.fate is not Fate.READY or decision.item.payload.terms:
        return decision
    message = (
        f"what the invitation of {decision.item.payload.address} grants cannot be read, so that none like it could be "
        f"made: use revoke-invite and invite"
    )
    return Decision.invalid(decision.item, "unreadable_invite", message, column="email")


def _begun(item: Item[Any], former: Former, found: Sequence[Invitation], joined: Sequence[Person]) -> Decision:
    """A row whose first call may have been applied, and whose second was not."""
    if former.others(found):
        return Decision.skip(item, "already_invited", "a new invitation is outstanding")
    if joined:
        return Decision.skip(item, "already_member", "an invitation was accepted: there is an account")
    still_there = any(one.id == former.id and not one.closed for one in found)
    key = former.id if still_there else ""
    change = Change(fields_of(item), key, address=former.address, terms=former.terms)
    return Decision.ready(Item(item.row, item.key, change), effect=f"invitation {former.id or former.address}")


def _made_anew(former: Former, found: Sequence[Invitation], joined: Sequence[Person]) -> Verdict:
    return Verdict.APPLIED if former.others(found) or joined else Verdict.NOT_APPLIED


class RevokeInvite(_OfInvitation):
    """Take invitations back. Harmless to repeat."""

    kind: ClassVar[str] = "revoke-invite"
    summary: ClassVar[str] = "Take back each outstanding or expired invitation."
    destructive: ClassVar[bool] = True
    undo: ClassVar[str] = "invite sends a new invitation"

    def effect(self, roster: Roster) -> str:
        """The link in the mail ends."""
        return "taken back"

    def _none(self, item: Item[Any], *, joined: bool) -> Decision:
        if joined:
            return Decision.skip(item, "already_member", "the invitation was accepted: there is an account")
        return Decision.skip(item, "not_invited", "no invitation is outstanding or expired")


def _resent(item: Item[Any], matches: Sequence[Invitation], sent_at: float | None) -> Verdict:
    """Both moments are the provider's. Without what planning saw, the time of the call must do."""
    before = item.payload.since if isinstance(item.payload, Change) else None
    wanted = item.payload.key if isinstance(item.payload, Change) else None
    found = [one for one in matches if wanted is None or one.id == wanted]
    if len(found) != 1 or found[0].mailed_at is None:
        return Verdict.UNKNOWN
    if before is not None:
        return Verdict.APPLIED if found[0].mailed_at > before else Verdict.UNKNOWN
    return Verdict.APPLIED if sent_at is not None and found[0].mailed_at >= sent_at else Verdict.UNKNOWN
