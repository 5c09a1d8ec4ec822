"""Put people into teams, and take them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Item, Verdict
from bulkops.operations.base import NOBODY, VERDICTS, Decision, Fate, Guards, Verb, fields_of
from bulkops.operations.people import untouchable, which, whom
from bulkops.providers.base import Change, Link, Named, Office, Person, Roster


class _TeamMember(Verb):
    """A person and a team. One team's calls are made one after the other."""

    adds: ClassVar[bool]

    def key(self, fields: BaseModel) -> str:
        """Person and team as written."""
        return f"{getattr(fields, 'user', '')} in {getattr(fields, 'team', '')}"

    def parent(self, item: Item[Any]) -> str | None:
        """The team."""
        return str(item.payload.parent)

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Skips people who are in the team as wanted, or are not in it."""
        teams = await roster.named("team", {fields_of(item).team for item in items})
        people = await whom(items, roster, gone_is_done=not self.adds)
        decisions = {}
        for item in items:
            person = people[item.row]
            team = await which(item, roster, "team", "team", teams, fields_of(item).team)
            if isinstance(person, Decision):
                decisions[item.row] = person
            elif isinstance(team, Decision):
                decisions[item.row] = team
            else:
                links = {link.key: link for link in await roster.links("team", team.id)}
                decisions[item.row] = self._decide(item, person, team, links.get(person.id), roster, guards)
        return decisions

    def _decide(
        self, item: Item[Any], person: Person, team: Named, link: Link | None, roster: Roster, guards: Guards
    ) -> Decision:
        raise NotImplementedError

    def _ready(
        self,
        item: Item[Any],
        person: Person,
        team: Named,
        *,
        level: str = "member",
        before: str | None = None,
        word: str = "",
    ) -> Decision:
        gives = {"role": tuple(Named(role, role) for role in team.gives)} if team.gives else {}
        change = Change(
            fields_of(item), person.id, parent=team.id, level=level, person=person, before=before, grants=gives
        )
        return Decision.ready(Item(item.row, item.key, change), effect=f"{person.id} in {team.id}", word=word)


class AddTeamMember(_TeamMember):
    """Put people into a team, or change how they are in it. Harmless to repeat."""

    kind: ClassVar[str] = "add-team-member"
    summary: ClassVar[str] = "Put each person into a team as member or maintainer, or change which of both they are."
    undo: ClassVar[str] = "remove-team-member"
    adds: ClassVar[bool] = True

    def effect(self, roster: Roster) -> str:
        """They are in it."""
        return "added to a team"

    def _decide(
        self, item: Item[Any], person: Person, team: Named, link: Link | None, roster: Roster, guards: Guards
    ) -> Decision:
        wanted = getattr(fields_of(item), "membership", None) or (link.level if link is not None else "member")
        if link is None:
            return self._ready(item, person, team, level=wanted)
        if not link.level and (known := self._unread(item, team, roster)):
            return known
        if link.level == wanted:
            return Decision.skip(item, "already_in_team", f"is {wanted} of {team.name} already")
        if link.external:
            return Decision.skip(item, "external_member", f"is in {team.name} by a group of the identity provider")
        if wanted == "member" and (refusal := untouchable(person, fields_of(item).user, roster, guards)):
            return Decision.protected(item, refusal)  # a maintainer would lose something
        word = f"changed to {wanted} in a team"
        return self._ready(item, person, team, level=wanted, before=link.level, word=word)

    def _unread(self, item: Item[Any], team: Named, roster: Roster) -> Decision | None:
        """What is decided for somebody who is in the team, nobody says as what; None if they are to be set anyway."""
        if getattr(fields_of(item), "membership", None) is None:
            return Decision.skip(item, "already_in_team", f"is in {team.name} already")
        if roster.support[self.kind].relevels:
            return None
        message = (
            f"is in {team.name} already, and whether as member or maintainer can neither be read nor changed on this "
            f"target: leave membership empty to have them either way"
        )
        return Decision.invalid(item, "membership_unread", message, column="membership")

    async def check(
        self, items: Sequence[Item[Any]], roster: Roster, sent_at: Mapping[int, float]
    ) -> Mapping[int, Verdict]:
        """What planning would say now. Who was not in the team when it was planned, and is now, was added."""
        asked = [Item(item.row, item.key, fields_of(item)) for item in items]
        decisions = await self.resolve(asked, roster, NOBODY)
        return {item.row: _added(item, decisions[item.row]) for item in items}


def _added(item: Item[Any], now: Decision) -> Verdict:
    """Where nobody says as what somebody is in the team, being in it must do for who was not."""
    joined = isinstance(item.payload, Change) and item.payload.before is None
    if now.code == "membership_unread":  # those were never sent: they have come to be in it since
        return Verdict.APPLIED
    if joined and now.fate is Fate.READY and now.item.payload.before == "":
        return Verdict.APPLIED
    return VERDICTS[now.fate]


class RemoveTeamMember(_TeamMember):
    """Take people out of a team. Harmless to repeat."""

    kind: ClassVar[str] = "remove-team-member"
    summary: ClassVar[str] = "Take each person out of a team."
    destructive: ClassVar[bool] = True
    unseats: ClassVar[frozenset[str]] = frozenset({"role"})
    undo: ClassVar[str] = "add-team-member"
    adds: ClassVar[bool] = False

    def effect(self, roster: Roster) -> str:
        """They are in it no longer."""
        return "taken out of a team"

    def _decide(
        self, item: Item[Any], person: Person, team: Named, link: Link | None, roster: Roster, guards: Guards
    ) -> Decision:
        if link is None:
            return Decision.skip(item, "not_in_team", f"is not in {team.name}")
        if link.external:
            message = (
                f"is in {team.name} by a group of the identity provider, which would put them back: change it there"
            )
            return Decision.skip(item, "external_member", message)
        if refusal := untouchable(person, fields_of(item).user, roster, guards):
            return Decision.protected(item, refusal)
        return self._ready(item, person, team)

    def loses_administrator(self, item: Item[Any], office: Office) -> str | None:
        """The person, if the team's people administer the organisation by it."""
        gives = item.payload.grants.get(office.kind, ())
        return str(item.payload.key) if any(role.id == office.id for role in gives) else None
