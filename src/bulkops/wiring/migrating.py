"""Migration between two organisations: read both, write a pipeline, and compare afterwards."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bulkops.config import Config, TargetConfig, explain
from bulkops.errors import ConfigError, UsageError
from bulkops.fetch import side_by_side
from bulkops.planning.census import Census, apps_of, take_census
from bulkops.planning.findings import FINDINGS, Migration
from bulkops.planning.mapping import NameMapping
from bulkops.planning.migration import plan_migration
from bulkops.providers.base import Person
from bulkops.reports.migration import JobRows, Story, write_migration
from bulkops.transport import Scrubber
from bulkops.wiring.folder import DEFAULT_RUNS_DIR
from bulkops.wiring.logs import logging_to
from bulkops.wiring.targets import Overrides, open_organization

DIFFERENCES = frozenset(
    {
        "missing_there",
        "ambiguous_group",
        "fixed_there",
        "ambiguous_there",
        "disabled_there",
        "narrower_there",
        "no_counterpart",
    }
)
"""Findings that tell of something that is here and not there, and that no row of a job mends."""
LEFT_OUT = frozenset(
    {"no_address", "disabled", "external_identity", "expired_invite", "left_behind", "group_left_behind"}
    | {"external_member", "unknown_app"}
)
"""Findings that tell of what is not compared, since it is not migrated."""
WAITING = "invited, and not accepted yet"


@dataclass(frozen=True, slots=True)
class Migrated:
    """A migration that was planned: who and where, what is to be done, and what to know."""

    source: Census
    goal: Census
    source_target: str
    goal_target: str
    plan: Migration

    def counts(self) -> Mapping[str, int]:
        """What the files will do, in words."""
        plan = self.plan
        told = {
            "people here whom it concerns": len(plan.wanted),
            "of them there already, with all that they hold": len(plan.arrived),
            "to be made first": sum(len(rows) for _operation, rows in plan.creates),
            "to be invited": len(plan.invites),
            "memberships to be given to people who are there": sum(len(rows) for rows in plan.assignments.values()),
            "apps for the allowlist": len(plan.allowlist),
            "memberships to be given after acceptance": sum(len(rows) for rows in plan.later.values()),
        }
        return {what: count for what, count in told.items() if count}

    def stages(self) -> list[JobRows]:
        """The pipeline, in its order."""
        plan = self.plan
        found = [JobRows(f"{operation}s", operation, rows) for operation, rows in plan.creates]
        if plan.invites:
            found.append(JobRows("invite", "invite", plan.invites))
        found += [JobRows(operation, operation, rows) for operation, rows in sorted(plan.assignments.items())]
        if plan.allowlist:
            found.append(JobRows("allowlist-add", "allowlist-add", plan.allowlist))
        return found

    def differences(self) -> list[tuple[str, str, str]]:
        """What is not yet there as it is here: kind, subject, detail. None once the migration has arrived."""
        plan, found = self.plan, []
        for _operation, rows in plan.creates:
            found += [("missing", str(row["name"]), "role group or team") for row in rows]
        found += [("not_invited", str(row["email"]), "") for row in plan.invites]
        waiting = [one.subject for one in plan.findings if one.code == "invited_there"]
        found += [("invited", address, WAITING) for address in waiting]
        for operation, rows in plan.assignments.items():
            found += [(operation, str(row["_email"]), _membership(row)) for row in rows]
        found += [("allowlist-add", str(row["client_id"]), "") for row in plan.allowlist]
        for one in plan.findings:
            if one.code in DIFFERENCES:
                found.append((one.code, one.subject, one.detail))
        return found

    def left_out(self) -> Mapping[str, int]:
        """What is not compared, since it is not migrated: how many of each finding."""
        return {code: count for code, count in self.plan.counts().items() if code in LEFT_OUT}


def _membership(row: Mapping[str, str | list[str]]) -> str:
    return ", ".join(str(value) for key, value in row.items() if key not in {"user", "_email"})


def read_mapping(path: Path | None) -> NameMapping:
    """A mapping file. Raises ConfigError, naming the key and the nearest known one."""
    if path is None:
        return NameMapping()
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(found, dict):
            raise ConfigError(f"{path}: a mapping is a JSON object")
        return NameMapping.model_validate({key: value for key, value in found.items() if not key.startswith("_")})
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except ValidationError as error:
        faults = "; ".join(explain(error, list(NameMapping.model_fields)))
        raise ConfigError(f"{path} cannot be used: {faults}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from None


async def migrate(
    config: Config, *, source: str, goal: str, mapping: NameMapping, create: bool, tell: Callable[[str], None]
) -> Migrated:
    """Read both organisations, side by side, and plan what moving the people of one to the other takes. Sends nothing.

    Raises UsageError where the two are one, or the mapping lacks what invitations there need; else as reads do.
    """
    (source_name, source_target), (goal_name, goal_target) = config.choose(source), config.choose(goal)
    if source_name == goal_name:
        raise UsageError(f"--from and --to are both {source_name!r}: a migration needs two targets")
    scrubber = Scrubber()
    found: dict[str, tuple[Census, frozenset[str] | None]] = {}

    async def read(one: tuple[str, TargetConfig]) -> None:
        name, target = one
        found[name] = await _read(target, scrubber, apps=name == goal_name)
        census = found[name][0]
        tell(f"{name}: {census.name}, {len(census.people):,} people, {len(census.invitations):,} invitations")

    with logging_to(None, scrubber=scrubber, level="warning", log_format="console"):
        await side_by_side([(source_name, source_target), (goal_name, goal_target)], read, width=2)
    here, (there, apps) = found[source_name][0], found[goal_name]
    if here.id == there.id and here.provider == there.provider and source_target.base_url == goal_target.base_url:
        raise UsageError(f"{source_name} and {goal_name} are the same organisation, {here.name} ({here.id})")
    lacking = there.invite_needs - {"email", *mapping.invite}
    if lacking:
        example = ", ".join(f'"{name}": "..."' for name in sorted(lacking))
        raise UsageError(
            f"an invitation on {goal_name} needs {', '.join(sorted(lacking))}: say it in a mapping file, "
            f'{{"invite": {{{example}}}}}, and use --mapping'
        )
    plan = plan_migration(here, there, mapping, create=create, apps_there=apps)
    return Migrated(here, there, source_name, goal_name, plan)


async def _read(target: TargetConfig, scrubber: Scrubber, *, apps: bool) -> tuple[Census, frozenset[str] | None]:
    """The census, and with `apps` the client ids of the apps for an allowlist, None where nobody can say."""
    state = DEFAULT_RUNS_DIR.parent / "sandbox" / "organization.jsonl"
    async with open_organization(
        target, scrubber=scrubber, overrides=Overrides(), sandbox_state=state, environ=os.environ
    ) as org:
        census = await take_census(org)
        return census, await apps_of(org) if apps and census.allowlist is not None else None


def write(migrated: Migrated, folder: Path) -> None:
    """Write the pipeline of a migration, what comes after it, and what it leaves open. Raises RefusedError."""
    plan = migrated.plan
    write_migration(
        folder,
        stages=migrated.stages(),
        later=[JobRows(operation, operation, rows) for operation, rows in sorted(plan.later.items())],
        offboarding=_leavers(migrated, plan.offboarding),
        waiting=_leavers(migrated, plan.waiting),
        source_target=migrated.source_target,
        goal_target=migrated.goal_target,
        story=story_of(migrated),
    )


def _leavers(migrated: Migrated, people: Sequence[tuple[Person, str]]) -> Sequence[JobRows]:
    """A job that deletes `people`, but for the owner and the account that asks."""
    kept = {migrated.source.owner_id, migrated.source.caller_id}
    if "delete-user" not in migrated.source.operations:
        return []
    rows = [
        {"user": person.username or person.id, "_email": person.email, "_there": address}
        for person, address in people
        if person.id not in kept
    ]
    return [JobRows("delete-user", "delete-user", rows)] if rows else []


def story_of(migrated: Migrated) -> Story:
    """What is said of a migration."""
    findings: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in migrated.plan.findings:
        findings[one.code].append((one.subject, one.detail))
    return Story(
        source=f"{migrated.source.name} ({migrated.source_target})",
        goal=f"{migrated.goal.name} ({migrated.goal_target})",
        counts=migrated.counts(),
        findings={code: findings[code] for code in FINDINGS if code in findings},
        sentences=FINDINGS,
    )
