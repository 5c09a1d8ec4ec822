"""Make role groups and teams, which people are given and put into afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from bulkops.model import Item, Verdict
from bulkops.operations.base import NOBODY, VERDICTS, Decision, Guards, Verb, fields_of
from bulkops.operations.people import which
from bulkops.providers.base import Change, Named, Roster


class _Creation(Verb):
    """Something new that goes by a name. Sending it twice may make two of it, so what is in doubt is looked up.

    Names are compared without case, as those of job files are everywhere: a second one that differs in case alone could
    never be told from the first one by its name.
    """

    repeatable: ClassVar[bool] = False
    thing: ClassVar[str]

    def effect(self, roster: Roster) -> str:
        """There is one more."""
        return f"created as a {self._label}"

    async def population(self, roster: Roster) -> int | None:
        """As many as there are of its kind."""
        return await roster.count_named(self.thing)

    @property
    def _label(self) -> str:
        return self.thing.replace("_", " ")

    def _ready(self, item: Item[Any], *, parent: str = "") -> Decision:
        name = fields_of(item).name
        change = Change(fields_of(item), name, parent=parent)
        effect = f"{name.casefold()} in {parent}"
        return Decision.ready(Item(item.row, item.key, change), effect=effect)

    def _there(self, item: Item[Any], known: Named, where: str = "") -> Decision:
        message = f"there is a {self._label} called {known.name}{where} already (id {known.id}): it is left as it is"
        return Decision.skip(item, "already_there", message)


def _called(name: str, found: Iterable[Named]) -> list[Named]:
    """Those of `found` that `name` is the name of, and not the id."""
    return [one for one in found if one.name.casefold() == name.casefold()]


class CreateRoleGroup(_Creation):
    """Make role groups. Repeating it may make a second one of the name."""

    kind: ClassVar[str] = "create-role-group"
    summary: ClassVar[str] = "Make a role group of each name."
    undo: ClassVar[str] = "deleting the role group on the provider's own pages; no operation does it"
    thing: ClassVar[str] = "role_group"

    def key(self, fields: BaseModel) -> str:
        """The name."""
        return str(getattr(fields, "name", ""))

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Skips names that a role group has already."""
        found = await roster.named("role_group", {fields_of(item).name for item in items})
        decisions = {}
        for item in items:
            known = _called(fields_of(item).name, found[fields_of(item).name])
            decisions[item.row] = self._there(item, known[0]) if known else self._ready(item)
        return decisions


class CreateTeam(_Creation):
    """Make teams, each under one that is there. Repeating it may make a second one of the name."""

    kind: ClassVar[str] = "create-team"
    summary: ClassVar[str] = "Make a team of each name, under a team that is there already."
    undo: ClassVar[str] = "deleting the team on the provider's own pages; no operation does it"
    thing: ClassVar[str] = "team"

    def key(self, fields: BaseModel) -> str:
        """Name and parent as written."""
        return f"{getattr(fields, 'name', '')} in {getattr(fields, 'parent', None) or ''}"

    def parent(self, item: Item[Any]) -> str | None:
        """The team above it, whose list of members holds its child teams, too."""
        return str(item.payload.parent)

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """Skips names that a team under the same parent has already."""
        asked = {name for item in items for name in (fields_of(item).name, fields_of(item).parent or "")}
        found = await roster.named("team", asked)
        made = {fields_of(item).name.casefold(): item.row for item in items}
        return {item.row: await self._decide(item, found, made, roster) for item in items}

    async def check(
        self, items: Sequence[Item[Any]], roster: Roster, sent_at: Mapping[int, float]
    ) -> Mapping[int, Verdict]:
        """As planning would say now. A team of the name under another parent is not the one that was sent."""
        asked = [Item(item.row, item.key, fields_of(item)) for item in items]
        decisions = await self.resolve(asked, roster, NOBODY)
        return {
            row: Verdict.NOT_APPLIED if decision.code == "team_elsewhere" else VERDICTS[decision.fate]
            for row, decision in decisions.items()
        }

    async def _decide(
        self, item: Item[Any], found: Mapping[str, Sequence[Named]], made: Mapping[str, int], roster: Roster
    ) -> Decision:
        fields = fields_of(item)
        parent = await _parent(item, found, made, roster)
        if isinstance(parent, Decision):
            return parent
        known = _called(fields.name, found[fields.name])
        here = [one for one in known if one.parent in (parent.id, None)]
        if here:
            return self._there(item, here[0], f" under {parent.name}" if here[0].parent else "")
        if known:
            return await _elsewhere(item, known[0], parent, roster)
        return self._ready(item, parent=parent.id)


async def _elsewhere(item: Item[Any], known: Named, parent: Named, roster: Roster) -> Decision:
    """What a team gives comes down from those above it, so that one in another place will not do."""
    above = known.parent or ""
    found = (await roster.named("team", [above]))[above] if above else ()
    where = f"under {found[0].name}" if found else "at the top"
    message = f"there is a team called {known.name} already (id {known.id}), {where} and not under {parent.name}"
    return Decision.invalid(item, "team_elsewhere", message, column="name")


async def _parent(
    item: Item[Any], found: Mapping[str, Sequence[Named]], made: Mapping[str, int], roster: Roster
) -> Named | Decision:
    """The team that a row's `parent` means, the one at the top where it says nothing; or why it means none."""
    name = fields_of(item).parent or ""
    matches = found[name]
    if not name and len(matches) != 1:
        message = f"{len(matches) or 'none'} of the teams that can be read stand at the top: name the parent"
        return Decision.invalid(item, "unknown_team", message, column="parent", candidates=[str(m) for m in matches])
    if not matches and (row := made.get(name.casefold())):
        message = (
            f"row {row} of this file makes the team {name!r}, and a parent must be there before: make it with a file, "
            f"or a stage of a pipeline, that runs first"
        )
        return Decision.invalid(item, "unknown_team", message, column="parent")
    return await which(item, roster, "team", "parent", found, name)
