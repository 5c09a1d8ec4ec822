"""The commands that look before anything is sent: validate, operations, check."""

from __future__ import annotations

import argparse
import json
import sys

import anyio

from bulkops import config
from bulkops.cli.failures import PROBLEMS_SHOWN
from bulkops.errors import UsageError
from bulkops.wiring import AVAILABLE, OPERATIONS, Checked, JobInput, Operation, OperationSupport, check_target
from bulkops.wiring import validate as validate_file


def validate(options: argparse.Namespace) -> int:
    """Check a job file and list everything that is wrong with it."""
    loaded = config.load(options.config)
    job_input, checked = validate_file(options.job, config=loaded, target=options.target, operation=options.operation)
    bad = bool(checked.problems) and (checked.file_problems > 0 or not options.skip_invalid)
    if options.json:
        print(json.dumps(_validated(job_input, checked), ensure_ascii=False))
    for warning in checked.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for problem in checked.problems[: None if options.json else PROBLEMS_SHOWN]:
        print(f"  {problem}", file=sys.stderr)
    if checked.problem_count > PROBLEMS_SHOWN and not options.json:
        print(f"  … and {checked.problem_count - PROBLEMS_SHOWN:,} more; --json lists 1,000", file=sys.stderr)
    print(_verdict(job_input, checked), file=sys.stderr)
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
        return 0
    for operation in chosen:
        print("\n".join(_told(operation) if wanted else [f"{operation.kind:16}{operation.summary}"]))
    if not wanted:
        print("\n`bulkops operations OP` tells the fields, the batch size and the calls of one.", file=sys.stderr)
    return 0


def _told(operation: Operation) -> list[str]:
    lines = [
        f"{operation.kind}: {operation.summary}",
        f"  harmless to repeat  {'yes' if operation.repeatable else 'no: what is in doubt is looked up first'}",
        f"  destructive         {'yes: asks for the number of items' if operation.destructive else 'no'}",
        f"  undo                {operation.undo}",
    ]
    for provider, support in _supports(operation):
        lines.append(f"  on {provider}:")
        lines.extend(
            f"    {name + ('*' if field.is_required() else ''):14}{field.description or ''}"
            for name, field in support.fields.model_fields.items()
        )
        lines.append(
            f"    batches of {support.batch_size} (at most {support.max_batch}), answers {support.answers.value}"
        )
        lines.extend(f"    calls {call}" for call in support.calls)
        if support.note:
            lines.append(f"    {support.note}")
    return lines


def _supports(operation: Operation) -> list[tuple[str, OperationSupport]]:
    return [
        (name, has[operation.kind]) for name, has in AVAILABLE.items() if operation.kind in has and name != "sandbox"
    ]


def _as_dict(operation: Operation) -> dict[str, object]:
    return {
        "operation": operation.kind,
        "summary": operation.summary,
        "repeatable": operation.repeatable,
        "destructive": operation.destructive,
        "undo": operation.undo,
        "providers": {
            name: {
                "fields": {
                    field: {"required": info.is_required(), "description": info.description}
                    for field, info in support.fields.model_fields.items()
                },
                "batch_size": support.batch_size,
                "max_batch": support.max_batch,
                "answers": support.answers.value,
                "calls": list(support.calls),
                "note": support.note,
            }
            for name, support in _supports(operation)
        },
    }


def check(options: argparse.Namespace) -> int:
    """Ask the target who it is and who we are."""
    loaded = config.load(options.config)

    async def ask() -> None:
        name, facts, caller, calls = await check_target(loaded, options.target)
        who = caller.username or caller.client or "an application without a user"
        if options.json:
            told = {"target": name, "organization": facts.id, "name": facts.name, "root": facts.root, "caller": who}
            print(json.dumps(told, ensure_ascii=False))
        kind = "root organisation" if facts.root else "business group"
        print(f"{name}: {facts.name} ({facts.id}, {kind}), as {who}; {calls} calls", file=sys.stderr)

    anyio.run(ask)
    return 0
