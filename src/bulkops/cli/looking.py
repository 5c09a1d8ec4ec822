"""The commands that look before anything is sent: validate, operations, check."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from bulkops import config
from bulkops.cli.failures import PROBLEMS_SHOWN
from bulkops.cli.output import say
from bulkops.cli.querying import Asked, check_query
from bulkops.errors import UsageError
from bulkops.wiring import (
    AVAILABLE,
    OPERATIONS,
    Checked,
    JobInput,
    Operation,
    OperationSupport,
    Pipeline,
    check_target,
    parse_map,
    read_pipeline,
    read_query,
)
from bulkops.wiring import validate as validate_file

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def validate(options: argparse.Namespace) -> int:
    """Check a job file, or each of a pipeline's, and list everything that is wrong with it."""
    loaded = config.load(options.config)
    pipeline = read_pipeline(options.job)
    if pipeline is not None:
        return _validate_pipeline(pipeline, loaded, options)
    asked = read_query(options.job)
    if asked is not None:
        check_query(options.job, asked, loaded, options.target, options.operation)
        if options.json:
            print(json.dumps(_valid_query(options.job, asked), ensure_ascii=False))
        return 0
    job_input, checked = validate_file(
        options.job,
        config=loaded,
        target=options.target,
        operation=options.operation,
        named_map=parse_map(options.map),
    )
    if options.json:
        print(json.dumps(_validated(job_input, checked), ensure_ascii=False))
    return _tell_check(job_input, checked, options)


def _validate_pipeline(pipeline: Pipeline, loaded: config.Config, options: argparse.Namespace) -> int:
    """Check every stage; with `--json` one object, with the stages in it."""
    told, codes = [], []
    for stage in pipeline.stages:
        asked = read_query(str(stage.job))
        if asked is not None:
            named = options.operation or stage.operation
            check_query(str(stage.job), asked, loaded, options.target or stage.target, named)
            codes.append(0)
            told.append({"stage": stage.name, **_valid_query(str(stage.job), asked)})
            continue
        job_input, checked = validate_file(
            str(stage.job),
            config=loaded,
            target=options.target or stage.target,
            operation=options.operation or stage.operation,
            named_map=parse_map(options.map),
        )
        codes.append(_tell_check(job_input, checked, options))
        told.append({"stage": stage.name, **_validated(job_input, checked)})
    if options.json:
        valid = all(one["valid"] for one in told)
        print(json.dumps({"file": pipeline.source, "valid": valid, "stages": told}, ensure_ascii=False))
    return max(codes)


def _valid_query(file: str, asked: Asked) -> dict[str, object]:
    query, _head = asked
    return {"file": file, "valid": True, "query": {"resource": query.resource, "where": query.where}}


def _tell_check(job_input: JobInput, checked: Checked, options: argparse.Namespace) -> int:
    """Say what was found; returns the exit code."""
    bad = bool(checked.problems) and (checked.file_problems > 0 or not options.skip_invalid)
    for warning in checked.warnings:
        say(f"warning: {warning}")
    for problem in checked.problems[: None if options.json else PROBLEMS_SHOWN]:
        say(f"  {problem}")
    if checked.problem_count > PROBLEMS_SHOWN and not options.json:
        print(f"  … and {checked.problem_count - PROBLEMS_SHOWN:,} more; --json lists 1,000", file=sys.stderr)
    say(_verdict(job_input, checked))
    return 2 if bad else 0


def _verdict(job_input: JobInput, checked: Checked) -> str:
    repeats = f", {len(checked.duplicates):,} of them repeat another row" if checked.duplicates else ""
    if not checked.problems:
        rows = "1 row is" if checked.total == 1 else f"{checked.total:,} rows are"
        return f"{job_input.name}: {rows} good for {', then '.join(job_input.operations)}{repeats}. Nothing was sent."
    problems = "1 problem" if checked.problem_count == 1 else f"{checked.problem_count:,} problems"
    return (
        f"{job_input.name}: {problems}; {checked.bad_rows:,} of {checked.total:,} rows cannot be run{repeats}. "
        f"Nothing was sent."
    )


def _validated(job_input: JobInput, checked: Checked) -> dict[str, object]:
    return {
        "file": job_input.name,
        "valid": not checked.problems,
        "rows": checked.total,
        "valid_rows": checked.valid,
        "invalid_rows": checked.bad_rows,
        "duplicate_rows": len(checked.duplicates),
        "problem_count": checked.problem_count,
        "problems": [
            {
                "line": problem.line,
                "row": problem.row,
                "column": problem.column,
                "value": problem.value,
                "message": problem.message,
                "expected": problem.expected,
                "nearest": problem.nearest,
            }
            for problem in checked.problems
        ],
        "warnings": list(checked.warnings),
    }


def operations(options: argparse.Namespace) -> int:
    """List the operations, or tell all about one."""
    wanted = options.operation
    if wanted is not None and wanted not in OPERATIONS:
        near = config.nearest(wanted, OPERATIONS)
        raise UsageError(
            f"no operation {wanted!r}"
            + (f"; did you mean {near!r}?" if near else f"; there are: {', '.join(OPERATIONS)}")
        )
    chosen = [OPERATIONS[wanted]] if wanted else list(OPERATIONS.values())
    if options.json:
        print(json.dumps({"operations": [_as_dict(operation) for operation in chosen]}, ensure_ascii=False))
    elif wanted:
        print("\n".join(_told(chosen[0])))
    else:
        _list(chosen)
    return 0


def _list(chosen: Sequence[Operation]) -> None:
    width = max(len(operation.kind) for operation in chosen)
    for operation in chosen:
        print(f"{operation.kind:{width}} {'!' if operation.destructive else ' '} {operation.summary}")
    print(
        "\n! takes something away: a run asks for the number of items first, or needs --yes.\n"
        "`bulkops operations OP` tells the fields of one, and what it does in detail.",
        file=sys.stderr,
    )


ANSWERS = {
    "itemised": "names the rows that were done and those that were not",
    "all or nothing": "one status that holds for every row of the call",
    "opaque": "one status that does not tell rows apart, so the result is read back",
    "single": "one row a call, so its status is the row's",
}


def _told(operation: Operation) -> list[str]:
    lines = [operation.summary, ""]
    lines += _lined(
        ("destructive", "yes: a run asks for the number of items, or needs --yes" if operation.destructive else "no"),
        ("undone by", operation.undo if _reversible(operation) else f"nothing: {_regret(operation)}"),
        ("harmless to repeat", "yes" if operation.repeatable else "no: what is in doubt is looked up first"),
    )
    for provider, support in _supports(operation):
        lines += ["", f"On {provider}, columns of a job file (* is needed):"]
        lines += _lined(*((_starred(name, field), _described(field)) for name, field in _fields(support)), indent=4)
        if not any(field.is_required() for _, field in _fields(support)):
            lines.append("    (one of them is needed)")
        lines.append("")
        lines += _lined(
            *(("sends" if number == 0 else "", call) for number, call in enumerate(support.calls)),
            ("rows a call", _batches(operation, support)),
            ("answer", ANSWERS.get(support.answers.value, support.answers.value)),
            ("where", "in the root organisation only" if support.root_only else "in the organisation of the target"),
            *([("needs", f"{support.needs} = true under [targets.NAME.options]")] if support.needs else []),
            *([("note", support.note)] if support.note else []),
        )
    return [*lines, "", f"Try it: bulkops plan JOB --operation {operation.kind} --target sandbox"]


def _lined(*pairs: tuple[str, str], indent: int = 2) -> list[str]:
    """Names and what is said of them, as two columns."""
    width = max(len(name) for name, _ in pairs)
    return [f"{' ' * indent}{name:{width}}  {text}".rstrip() for name, text in pairs]


def _reversible(operation: Operation) -> bool:
    return not operation.undo.startswith("none")


def _regret(operation: Operation) -> str:
    """Why nothing takes it back."""
    return operation.undo.removeprefix("none").removeprefix(":").strip()


def _batches(operation: Operation, support: OperationSupport) -> str:
    if operation.whole:
        return "all rows of the file"
    if support.max_batch == 1:
        return "1"
    return f"{support.batch_size}; --batch-size sets another number, up to {support.max_batch}"


def _starred(name: str, field: FieldInfo) -> str:
    return f"{name}*" if field.is_required() else name


def _described(field: FieldInfo) -> str:
    several = "; several in a cell are parted by ;" if _is_list(field) else ""
    default = f"; {field.default} if empty" if isinstance(field.default, str) and field.default else ""
    return f"{field.description or ''}{several}{default}"


def _is_list(field: FieldInfo) -> bool:
    return isinstance(field.default, tuple)


def _fields(support: OperationSupport) -> list[tuple[str, FieldInfo]]:
    return list(support.fields.model_fields.items())


def _supports(operation: Operation) -> list[tuple[str, OperationSupport]]:
    return [(name, has[operation.kind]) for name, has in AVAILABLE.items() if operation.kind in has]


def _as_dict(operation: Operation) -> dict[str, object]:
    return {
        "operation": operation.kind,
        "summary": operation.summary,
        "repeatable": operation.repeatable,
        "destructive": operation.destructive,
        "reversible": _reversible(operation),
        "undo": operation.undo,
        "whole": operation.whole,
        "providers": {
            name: {
                "fields": {
                    field: {"required": info.is_required(), "list": _is_list(info), "description": info.description}
                    for field, info in _fields(support)
                },
                "batch_size": support.batch_size,
                "max_batch": support.max_batch,
                "answers": support.answers.value,
                "root_only": support.root_only,
                "calls": list(support.calls),
                "note": support.note,
                "needs": support.needs,
            }
            for name, support in _supports(operation)
        },
    }


def check(options: argparse.Namespace) -> int:
    """Ask the target who it is and who we are."""
    loaded = config.load(options.config)

    async def ask() -> None:
        found = await check_target(loaded, options.target)
        facts, caller = found.facts, found.caller
        who = caller.username or caller.client or "an account that the target does not name"
        kind = "root organisation" if facts.root else "business group"
        if options.json:
            told = {"target": found.name, "organization": facts.id, "name": facts.name, "root": facts.root}
            more = {"caller": who, "seats_left": facts.seats_left, "caution": found.caution}
            print(json.dumps(told | more, ensure_ascii=False))
        say(f"{found.name}: {facts.name} ({facts.id}, {kind}), as {who}; {found.calls} calls")
        if facts.seats_left is not None:
            say(f"  seats left for invitations: {facts.seats_left:,}")
        if found.caution:
            say(f"  CAUTION: {found.caution}")

    anyio.run(ask)
    return 0
