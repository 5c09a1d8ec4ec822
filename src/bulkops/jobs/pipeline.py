"""Pipelines: job files that run one after the other, named by a folder or by a JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bulkops.errors import JobFileError
from bulkops.jobs.names import clip, nearest
from bulkops.jobs.rows import JobHead
from bulkops.model import Job, Problem

ENDINGS = (".csv", ".json", ".jsonl")
FILE_NAME = "pipeline.json"
MAX_BYTES = 1024 * 1024
"""A pipeline names files; a larger JSON file holds items."""
MOST_STAGES = 200
_PIPELINE_KEYS = ("pipeline", "name", "target", "max_failures", "description")
_STAGE_KEYS = ("job", "name", "target", "operation", "max_failures", "description")


@dataclass(frozen=True, slots=True)
class Stage:
    """One job of a pipeline. `max_failures` is how many of its rows may fail before the next stage may not begin.

    `named_map` and `head` are as `wiring.prepare` takes them, where `job` holds the rows of an earlier run; `former` is
    that run's, whose options hold on.
    """

    name: str
    job: Path
    target: str | None = None
    operation: str | None = None
    max_failures: str | None = None
    named_map: Mapping[str, str] | None = None
    head: JobHead | None = None
    called: str | None = None
    former: Job | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages in their order. `source` is what its user calls it."""

    source: str
    stages: tuple[Stage, ...]
    name: str


def read_pipeline(source: str) -> Pipeline | None:
    """The pipeline that `source` names: a folder, or a JSON file with the key `pipeline`. None for an ordinary job.

    A folder's job files run in the order of their names; a `pipeline.json` in it takes the place of that order.
    Raises JobFileError with everything that is wrong in it.
    """
    path = Path(source)
    try:
        if path.is_dir():
            inside = path / FILE_NAME
            found = _of_file(inside, str(inside)) if inside.is_file() else None
            return found or _of_folder(path, source)
        return _of_file(path, source) if path.suffix.lower() == ".json" and path.is_file() else None
    except OSError as error:
        raise JobFileError(f"{source}: cannot be read: {error.strerror or error}") from error


def _of_folder(folder: Path, source: str) -> Pipeline:
    files = sorted(
        each
        for each in folder.iterdir()
        if each.suffix.lower() in ENDINGS and not each.name.startswith((".", "_")) and each.is_file()
    )
    if not files:
        raise JobFileError(f"{source}: this folder holds no job file ({', '.join(ENDINGS)})")
    stages = tuple(Stage(_named(file.stem, number), file) for number, file in enumerate(files, 1))
    return Pipeline(source, _checked(stages, source), _named(folder.resolve().name, 0))


def _of_file(path: Path, source: str) -> Pipeline | None:
    if path.stat().st_size > MAX_BYTES:
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return None  # the job reader says what is wrong with it, and where
    if not isinstance(found, dict) or "pipeline" not in found:
        return None
    problems = [*_unknown(found, _PIPELINE_KEYS, source), *_texts(found, ("name", "target"), source)]
    stages = found["pipeline"]
    if not isinstance(stages, list) or not stages:
        problems.append(Problem(source, "`pipeline` lists the job files in their order", expected='["one.csv", ...]'))
        stages = []
    read: list[Stage] = []
    for number, one in enumerate(stages, 1):
        stage = {"job": one} if isinstance(one, str) else one
        faults = list(_faults(stage, source, number))
        problems += faults
        if not faults:
            read.append(_stage(stage, found, path.parent, number))
    if problems:
        raise JobFileError(f"{source} cannot be run. Nothing was sent:", problems)
    name = found.get("name") or (path.parent.resolve().name if path.name == FILE_NAME else path.stem)
    return Pipeline(source, _checked(tuple(read), source), _named(str(name), 0))


def _stage(stage: Mapping[str, Any], whole: Mapping[str, Any], folder: Path, number: int) -> Stage:
    job = Path(stage["job"])
    allowed = stage.get("max_failures", whole.get("max_failures"))
    return Stage(
        name=_named(str(stage.get("name") or job.stem), number),
        job=job if job.is_absolute() else folder / job,
        target=stage.get("target", whole.get("target")),
        operation=stage.get("operation"),
        max_failures=None if allowed is None else str(allowed),
    )


def _faults(stage: Any, source: str, number: int) -> Iterator[Problem]:
    if not isinstance(stage, dict):
        yield Problem(
            source, f"stage {number}", value=clip(stage), expected="the name of a job file, or an object with `job`"
        )
        return
    yield from _unknown(stage, _STAGE_KEYS, source, number)
    yield from _texts(stage, ("job", "name", "target", "operation"), source, number)
    if not stage.get("job"):
        yield Problem(source, f"stage {number}: `job` is missing", expected="the name of a job file")


def _unknown(found: Mapping[str, Any], known: Sequence[str], source: str, number: int = 0) -> Iterator[Problem]:
    where = f"stage {number}: " if number else ""
    for key in found:
        if key not in known and not key.startswith("_"):
            yield Problem(source, f"{where}unknown key {clip(key)!r}", nearest=nearest(key, known))


def _texts(found: Mapping[str, Any], keys: Sequence[str], source: str, number: int = 0) -> Iterator[Problem]:
    where = f"stage {number}: " if number else ""
    for key in keys:
        if key in found and not isinstance(found[key], str):
            yield Problem(source, f"{where}`{key}`", value=clip(found[key]), expected="a text")
    allowed = found.get("max_failures")
    if allowed is not None and (isinstance(allowed, bool) or not isinstance(allowed, int | str)):
        yield Problem(
            source, f"{where}`max_failures`", value=clip(allowed), expected='a count, or a share such as "5%"'
        )


def _named(text: str, number: int) -> str:
    """`text` as a part of a folder's name, with the stage's number before it."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:60] or "job"
    if not number:
        return plain
    return f"{number:02}-{re.sub(r'^[0-9]{1,3}[-_.]+', '', plain) or plain}"


def _checked(stages: tuple[Stage, ...], source: str) -> tuple[Stage, ...]:
    problems = [
        Problem(source, f"stage {n}: there is no file {one.job}")
        for n, one in enumerate(stages, 1)
        if not one.job.is_file()
    ]
    if len(stages) > MOST_STAGES:
        problems.append(Problem(source, f"{len(stages)} stages", expected=f"at most {MOST_STAGES}"))
    if problems:
        raise JobFileError(f"{source} cannot be run. Nothing was sent:", problems)
    return stages
