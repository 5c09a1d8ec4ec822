"""Invite addresses into an organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Item, Verdict
from bulkops.operations.base import Decision, Guards, Verb, fields_of
from bulkops.operations.context import context_of
from bulkops.operations.people import which
from bulkops.providers.base import Change, Invitation, Named, Person, Roster


class Invite(Verb):
    """Invite addresses. Repeating it sends a second e-mail."""

    kind: ClassVar[str] = "invite"
    summary: ClassVar[str] = "Send an invitation to each address, with the role groups and teams it should get."
    repeatable: ClassVar[bool] = False
    probed: ClassVar[bool] = True
    undo: ClassVar[str] = "revoke-invite takes back the invitation; the mail cannot be unsent"

    grants: ClassVar[Mapping[str, str]] = {
        "role_groups": "role_group",
        "teams": "team",
        "groups": "team",
        "roles": "role",
        "acl_object": "acl_object",
    }

    def key(self, fields: BaseModel) -> str:
        """The address."""
        return str(getattr(fields, "email", ""))

    def effect(self, roster: Roster) -> str:
        """A mail to each."""
        return "invited by mail"

    def forecast(self, roster: Roster, ready: int) -> str:
        """Fewer seats are left than there are people to invite."""
        left = roster.facts.seats_left
        if left is None or ready <= left:
            return ""
        return (
            f"{left:,} of these {ready:,} invitations have a seat: the run will stop when none is left, and the rows "
            f"after that stay pending"
        )

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Skips addresses that are invited or members already; turns names of what they get into ids."""
        keys = {item.key for item in items}
        pending = await roster.invitations(keys)
        members = await roster.people(keys)
        granted = {item.row: asked for item in items if (asked := self._granted(item))}
        found = {
            kind: await roster.named(kind, names)
            for column, kind in self.grants.items()
            if (kind != "team" or roster.facts.root)
            and (names := {name for row in granted.values() for name in row.get(column, ())})
        }
        decisions: dict[int, Decision] = {}
        for item in items:
            invitations, accounts = pending[item.key], members[item.key]
            decision = _already(item, invitations, accounts) if invitations or accounts else None
            if decision is None and granted and (mine := granted.get(item.row)):
                decision = _teams_of_a_group(item, mine, roster) or await self._with_grants(item, mine, found, roster)
            decisions[item.row] = decision or _bare(item)
        return decisions

    def _granted(self, item: Item[Any]) -> dict[str, Sequence[str]]:
        """The names under each column of grants in which a row has any; most rows have none."""
        fields = fields_of(item)
        return {
            column: (names,) if isinstance(names, str) else names
            for column in self.grants
            if (names := getattr(fields, column, None))
        }

    async def check(
        self, items: Sequence[Item[Any]], roster: Roster, sent_at: Mapping[int, float]
    ) -> Mapping[int, Verdict]:
        """An invitation that is outstanding, or an account that came of it, shows that the call was applied."""
        keys = {item.key for item in items}
        pending = await roster.invitations(keys)
        missing = keys - {key for key, found in pending.items() if any(one.outstanding for one in found)}
        members = await roster.people(missing) if missing else {}
        return {
            item.row: Verdict.NOT_APPLIED if item.key in missing and not members.get(item.key) else Verdict.APPLIED
            for item in items
        }

    async def _with_grants(
        self,
        item: Item[Any],
        names: Mapping[str, Sequence[str]],
        found: Mapping[str, Mapping[str, Sequence[Named]]],
        roster: Roster,
    ) -> Decision:
        grants: dict[str, tuple[Named, ...]] = {}
        for column, kind in self.grants.items():
            things: list[Named] = []
            for name in names.get(column, ()):
                thing = await self._thing(item, roster, column, found[kind], name)
                if isinstance(thing, Decision):
                    return thing
                things.append(thing)
            if things:
                grants[kind] = tuple(dict.fromkeys(things))
        detail = await context_of(item, roster) if "role" in grants else ()
        if isinstance(detail, Decision):
            return detail
        level = getattr(item.payload, "membership", "")
        change = Change(item.payload, item.key, level=level, detail=detail, grants=grants)
        return Decision.ready(Item(item.row, item.key, change))

    async def _thing(
        self, item: Item[Any], roster: Roster, column: str, found: Mapping[str, Sequence[Named]], name: str
    ) -> Named | Decision:
        """What a name in `column` means, of those things that the row can have."""
        support, fields = roster.support[self.kind], fields_of(item)
        if support.verbatim(fields, column, name):
            return Named(name, name)
        matches = found.get(name, ())
        fitting = [one for one in matches if not support.misfit(fields, column, one)]
        if matches and not fitting:
            why = "; ".join(dict.fromkeys(support.misfit(fields, column, one) for one in matches))
            return Decision.invalid(item, "misfit", why, column=column)
        return await which(item, roster, self.grants[column], column, {name: fitting}, name)


def _already(item: Item[Any], invitations: Sequence[Invitation], members: Sequence[Person]) -> Decision | None:
    if any(invitation.outstanding for invitation in invitations):
        return Decision.skip(
            item, "already_invited", "an invitation is outstanding; resend-invite would send its mail again"
        )
    if members:
        return Decision.skip(
            item, "already_member", f"has an account: {members[0].username}; what the row grants is not given"
        )
    return None


def _bare(item: Item[Any]) -> Decision:
    """An invitation that grants nothing."""
    fields = fields_of(item)
    change = Change(fields, item.key, "", getattr(fields, "membership", ""))
    return Decision.ready(Item(item.row, item.key, change))


def _teams_of_a_group(item: Item[Any], names: Mapping[str, Sequence[str]], roster: Roster) -> Decision | None:
    if roster.facts.root or not names.get("teams"):
        return None
    message = f"teams belong to the root organisation, and {roster.facts.name} is a business group of it"
    return Decision.invalid(item, "unknown_team", message, column="teams")
