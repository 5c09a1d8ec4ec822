"""Jobs by query: the organisation is asked once, and what it answered is the job's input from then on."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bulkops.config import Config, TargetConfig
from bulkops.engine import StopSignal
from bulkops.errors import ConfigError, JobFileError, UsageError
from bulkops.jobs import JobHead, Query, canonical_operation
from bulkops.jobs.names import nearest
from bulkops.model import Problem
from bulkops.providers.base import OperationSupport
from bulkops.providers.resources import Resource
from bulkops.wiring.exporting import ExportResult, Reading, export, resources_of
from bulkops.wiring.file_options import with_file_options
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.targets import support_of, unopened
from bulkops.wiring.wishes import ExportOptions, wish_of

KNOWN_BY = ("email", "username", "name", "team_name", "role_group_name", "status", "last_login")
"""Columns that tell a person what a row is about: they are carried along, and mean nothing to the operation."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query found. `rows` is the file of them, `undecided` how many hang on a value that they lack."""

    rows: Path
    count: int
    undecided: int
    head: JobHead


async def ask(
    source: str,
    query: Query,
    head: JobHead,
    *,
    config: Config,
    target: str | None,
    operation: str | None,
    folder: Path,
    options: WorkOptions,
    stop: StopSignal,
    started: Callable[[Callable[[], Reading]], None] = lambda _look: None,
) -> Answer:
    """Ask the organisation, and write what it answers into `folder` as JSON lines. Reads only.

    Raises JobFileError where the operation cannot be fed so, UsageError for an unknown resource or column, FilterError
    for a `where` that cannot be read, and as reads do; StoppedError where nobody can vouch that these are all.
    """
    name, chosen = config.choose(target or head.target)
    options = with_file_options(options, head.options, source)
    _name, resources = await resources_of(config, name)
    wish = _wish(source, query, head, chosen, resources, operation)
    wish = replace(
        wish,
        target=name,
        out=folder / "rows.jsonl",
        overrides=options.overrides,
        deadline=options.deadline,
        log_level=options.log_level,
        log_format=options.log_format,
    )
    result: ExportResult = await export(wish, config=config, stop=stop, stdout=io.BytesIO(), started=started)
    if result.error is not None:
        raise result.error
    # what tells people about a row is carried into the reports, and means nothing to the operation
    shown = [name for name in (wish.columns or "").split(",") if "=" not in name]
    head = replace(head, source=None, column_map={**dict.fromkeys(shown), **head.column_map})
    return Answer(folder / "rows.jsonl", result.rows, result.undecided, head)


def check_offline(
    source: str, query: Query, head: JobHead, *, config: Config, target: str | None, operation: str | None
) -> None:
    """Check all that can be known of a query without a network. Raises as `ask` does before it reads."""
    _name, chosen = config.choose(target or head.target)
    resources = unopened(chosen).resources
    wish_of(_wish(source, query, head, chosen, resources, operation), resources)


def _wish(
    source: str,
    query: Query,
    head: JobHead,
    target: TargetConfig,
    resources: Mapping[str, Resource],
    operation: str | None,
) -> ExportOptions:
    with_file_options(WorkOptions(), head.options, source)
    wanted = operation or head.operation
    if wanted is None:
        raise JobFileError(f"{source}: no operation is named: write `operation` into the file, or use --operation")
    kind = canonical_operation(wanted)
    support = support_of(target)
    if kind not in support:
        near = nearest(kind, support)
        hint = f"; did you mean {near!r}?" if near else "."
        raise ConfigError(
            f"provider {target.service!r} has no operation {wanted!r}{hint} It has: {', '.join(support)}."
        )
    if query.resource not in resources:
        near = nearest(query.resource, resources)
        hint = f"; did you mean {near!r}?" if near else f"; there are: {', '.join(resources)}"
        raise UsageError(f"{source}: no resource {query.resource!r}{hint}")
    resource = resources[query.resource]
    return ExportOptions(
        query.resource,
        format="jsonl",
        columns=",".join(_columns(source, kind, support[kind], resource, query, head.defaults)),
        where=query.where,
        allow_incomplete=query.allow_incomplete,
    )


def _columns(
    source: str,
    kind: str,
    support: OperationSupport,
    resource: Resource,
    query: Query,
    defaults: Mapping[str, object],
) -> list[str]:
    """The fields that the resource feeds, then what tells people about a row. Raises JobFileError for too little."""
    fields = support.fields.model_fields
    fed = {field: column for field, column in resource.feeds.items() if field in fields and field not in defaults}
    lacking = [name for name, one in fields.items() if one.is_required() and name not in fed and name not in defaults]
    if lacking or not fed:
        missing = " and ".join(lacking) or "anything it takes"
        text = f"source: rows of {resource.name} do not give {kind} {missing}"
        raise JobFileError(
            f"{source} cannot be run. Nothing was sent:",
            [Problem(source, text, expected="another resource, or the field under `defaults`")],
        )
    beside = [one.strip() for one in (query.columns or "").split(",") if one.strip()]
    known = [name for name in KNOWN_BY if name in resource.plain and name not in fed.values()]
    shown = dict.fromkeys([*beside, *known])
    return [f"{field}={column}" for field, column in fed.items()] + [name for name in shown if name not in fields]
