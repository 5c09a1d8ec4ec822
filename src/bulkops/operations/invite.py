"""Invite addresses into an organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Batch, Item, Outcome, Verdict
from bulkops.operations.base import Decision, Guards
from bulkops.providers.base import Named, Organization, Permit, Roster


@dataclass(frozen=True, slots=True)
class InvitePayload:
    """What an invitation will carry, names resolved. `grants` maps a kind ("role_group", "team") to its things."""

    email: str
    grants: Mapping[str, tuple[Named, ...]]
    extra: Mapping[str, Any]


class Invite:
    """Invite addresses. Repeating it sends a second e-mail."""

    kind: ClassVar[str] = "invite"
    summary: ClassVar[str] = "Send an invitation to each address, with the role groups and teams it should get."
    repeatable: ClassVar[bool] = False
    destructive: ClassVar[bool] = False
    undo: ClassVar[str] = "revoke-invite takes back the invitation; the mail cannot be unsent"

    grants: ClassVar[Mapping[str, str]] = {"role_groups": "role_group", "teams": "team"}

    def key(self, fields: BaseModel) -> str:
        """The address."""
        return str(getattr(fields, "email", ""))

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Skips addresses that are invited or members already; turns names of role groups and teams into ids."""
        keys = {item.key.casefold() for item in items}
        pending = await roster.invitations(keys)
        members = await roster.people(keys)
        found = {
            kind: await roster.named(kind, names)
            for column, kind in self.grants.items()
            if (names := {name for item in items for name in _names(item, column)})
        }
        decisions = {}
        for item in items:
            key = item.key.casefold()
            already = self._already(item, pending.get(key, ()), members.get(key, ()))
            decisions[item.row] = already or await self._resolve_grants(item, found, roster)
        return decisions

    async def apply(self, org: Organization, batch: Batch[Any], permit: Permit) -> Mapping[int, Outcome]:
        """One call for the batch. The vendor may answer with the invitations made, or with nothing to go by."""
        answer = await org.invite(batch.items, permit)
        return {
            item.row: Outcome.succeeded(
                attempts=batch.attempt, http_status=answer.http_status, request_id=answer.request_id
            )
            for item in batch.items
            if item.key.casefold() in answer.named
        }

    async def check(self, items: Sequence[Item[Any]], roster: Roster) -> Mapping[int, Verdict]:
        """An invitation that is outstanding, or an account that came of it, shows that the call was applied."""
        keys = {item.key.casefold() for item in items}
        pending = await roster.invitations(keys)
        missing = keys - {key for key, found in pending.items() if any(not one.expired for one in found)}
        members = await roster.people(missing) if missing else {}
        return {
            item.row: Verdict.NOT_APPLIED
            if item.key.casefold() in missing and not members.get(item.key.casefold())
            else Verdict.APPLIED
            for item in items
        }

    def _already(self, item: Item[Any], invitations: Sequence[Any], members: Sequence[Any]) -> Decision | None:
        if any(not invitation.expired for invitation in invitations):
            return Decision.skip(
                item, "already_invited", "an invitation is outstanding; resend-invite would send its mail again"
            )
        if members:
            return Decision.skip(
                item, "already_member", f"has an account: {members[0].username}; role groups and teams are unchanged"
            )
        return None

    async def _resolve_grants(
        self, item: Item[Any], found: Mapping[str, Mapping[str, Sequence[Named]]], roster: Roster
    ) -> Decision:
        grants: dict[str, tuple[Named, ...]] = {}
        for column, kind in self.grants.items():
            things = []
            for name in _names(item, column):
                matches = found[kind].get(name.casefold(), ())
                if len(matches) != 1:
                    return await _unresolved(item, roster, column=column, kind=kind, name=name, matches=matches)
                things.append(matches[0])
            if things:
                grants[kind] = tuple(dict.fromkeys(things))
        payload = InvitePayload(item.key, grants, {})
        return Decision.ready(Item(item.row, item.key, payload))


def _names(item: Item[Any], column: str) -> Sequence[str]:
    return getattr(item.payload, column, None) or ()


async def _unresolved(
    item: Item[Any], roster: Roster, *, column: str, kind: str, name: str, matches: Sequence[Named]
) -> Decision:
    label = kind.replace("_", " ")
    if matches:
        candidates = [f"{match.name} (id {match.id})" for match in matches]
        message = f"{len(matches)} {label}s are called {name!r}: write the id instead"
        return Decision.invalid(item, f"ambiguous_{kind}", message, column=column, candidates=candidates)
    near = await roster.near(kind, name)
    return Decision.invalid(item, f"unknown_{kind}", f"no {label} is called {name!r}", column=column, candidates=near)
