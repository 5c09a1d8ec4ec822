"""Which role groups and teams of one organisation are which in another, and how those that are missing are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from bulkops.planning.census import Census
from bulkops.planning.findings import CREATES, WORDS, Migration, Row
from bulkops.planning.mapping import NameMapping
from bulkops.providers.base import Named

Places = Mapping[tuple[str, str], str]
"""The name there of each role group and team, by kind and id here."""


def places_there(source: Census, goal: Census, mapping: NameMapping, *, create: bool, migration: Migration) -> Places:
    """Match by name. What has no match is found, and with `create` made where the provider can."""
    places: dict[tuple[str, str], str] = {}
    for kind, groups in source.groups.items():
        for name in mapping.unused(kind, {group.name for group in groups}):
            migration.find("unknown_mapping", name, WORDS[kind])
        if kind in goal.groups:
            _match(kind, source, goal, mapping, create, places, migration)
        else:
            who = goal.provider if goal.root else "a business group"
            text = f"{who} has none: {len(groups):,} are left behind"
            migration.find("no_counterpart", f"{WORDS[kind]}s", text)
    return places


def _match(
    kind: str,
    source: Census,
    goal: Census,
    mapping: NameMapping,
    create: bool,
    places: dict[tuple[str, str], str],
    migration: Migration,
) -> None:
    known = _by_name(goal.groups[kind])
    top, top_there = _top(source.groups[kind]), _top(goal.groups[kind])
    missing: dict[str, Named] = {}
    wanted: set[str] = set()
    for group in source.groups[kind]:
        name = mapping.group(kind, group.name)
        if name is None:
            migration.find("group_left_behind", group.name, WORDS[kind])
            continue
        if name.casefold() in wanted:
            migration.find("become_one", name, f"{WORDS[kind]} {group.name}")
        wanted.add(name.casefold())
        found = known.get(name.casefold(), [])
        if not found and group is top and top_there is not None:
            found = [top_there]  # it stands for the organisation itself, whatever that is called
            wanted.add(top_there.name.casefold())
        if len(found) == 1 and not found[0].fixed:
            places[kind, group.id] = found[0].name
        elif found:
            migration.find(*_unfit(kind, name, found))
        elif create and CREATES[kind] in goal.operations:
            first = missing.setdefault(name.casefold(), group)
            places[kind, group.id] = places.get((kind, first.id), name)
        else:
            count = len(source.members.get((kind, group.id), ()))
            migration.find("missing_there", name, f"{WORDS[kind]} with {count:,} members here")
    migration.creates.extend(_creations(kind, list(missing.values()), source.groups[kind], places))
    for folded, others in known.items():
        if folded not in wanted:
            migration.find("only_there", others[0].name, WORDS[kind])


def _unfit(kind: str, name: str, found: Sequence[Named]) -> tuple[str, str, str]:
    """Why nobody is put into what has this name there: the finding, its subject, its detail."""
    if len(found) > 1:
        return "ambiguous_group", name, f"{len(found)} {WORDS[kind]}s have this name"
    return "fixed_there", name, f"{WORDS[kind]} {found[0].name} {found[0].fixed}"


def _by_name(groups: Sequence[Named]) -> Mapping[str, list[Named]]:
    """Compared without case."""
    found: dict[str, list[Named]] = defaultdict(list)
    for group in groups:
        found[group.name.casefold()].append(group)
    return found


def _top(groups: Sequence[Named]) -> Named | None:
    """The one that stands above all others, if there is such."""
    tops = [one for one in groups if one.parent == ""]
    return tops[0] if len(tops) == 1 else None


def _creations(
    kind: str, missing: Sequence[Named], groups: Sequence[Named], places: Places
) -> Iterator[tuple[str, list[Row]]]:
    """Stages that make what is missing: what stands above something is made in a stage before it."""
    by_id, top = {one.id: one for one in groups}, _top(groups)
    levels: dict[int, list[Row]] = defaultdict(list)
    for one in missing:
        row: dict[str, str | list[str]] = {"name": places[kind, one.id]}
        above = _above(one, by_id)
        if kind == "team":
            row["parent"] = "" if not above or above[0] is top else places.get((kind, above[0].id), "")
        levels[len(above)].append(row)
    for level in sorted(levels):
        yield CREATES[kind], levels[level]


def _above(one: Named, by_id: Mapping[str, Named]) -> list[Named]:
    """What it stands under, from its parent up; a ring, which no tree has, ends it."""
    found: list[Named] = []
    while one.parent and (parent := by_id.get(one.parent)) is not None and parent not in found:
        found.append(parent)
        one = parent
    return found
