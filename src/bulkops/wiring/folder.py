"""A run's folder: where it is, how it is found again, and the job that it holds."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bulkops.errors import LedgerError, RefusedError, UsageError
from bulkops.ledger.file import flush_folder
from bulkops.model import Job
from bulkops.wiring.foreign import check_job, refuse_links

DEFAULT_RUNS_DIR = Path(".bulkops/runs")
LOG_FILE = "log.jsonl"
_OFTEN_ABSENT = {"column_map", "value_map", "named_map", "name"}
"""Jobs without them are kept as they were before there were any: their digests must stay true."""
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`<runs-dir>/<run-id>/`. Only its owner may look into it."""

    path: Path

    @property
    def run_id(self) -> str:
        """The run's id, which is the folder's name."""
        return self.path.name

    @property
    def sandbox_state(self) -> Path:
        """Where an embedded sandbox keeps its organisation: beside the runs, also for a stage of a pipeline."""
        runs_dir = self.path.parent
        if runs_dir.name == "stages" and (runs_dir.parent / "pipeline.json").is_file():
            runs_dir = runs_dir.parent.parent
        return runs_dir.parent / "sandbox" / "organization.jsonl"

    def ledger(self, job: Job) -> Path:
        """The record of outcomes."""
        return self.path / f"ledger{_suffix(job.revision)}.sqlite"

    def input(self, job: Job) -> Path:
        """The input as read."""
        return self.path / f"input{_suffix(job.revision)}.{job.source_format}"

    def edits(self, job: Job) -> Path:
        """What a resume found edited in the job file."""
        return self.path / f"edits{_suffix(job.revision)}.csv"

    @property
    def log(self) -> Path:
        """The log, one JSON object a line."""
        return self.path / LOG_FILE

    @property
    def job_file(self) -> Path:
        """The job as resolved."""
        return self.path / "job.json"

    def write_job(self, job: Job) -> None:
        """Keep the job, durably. Raises LedgerError."""
        self.keep(self.job_file, _written(job))

    def keep(self, path: Path, content: bytes) -> None:
        """Keep `content` as the file `path` of this folder, durably: written aside and renamed. Raises LedgerError."""
        aside = path.with_name(f"{path.name}.part")
        try:
            aside.unlink(missing_ok=True)  # a process that died while it wrote left it
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            flush_folder(self.path)
        except OSError as error:
            raise LedgerError(f"{path}: cannot be written: {error.strerror or error}") from error

    def read_job(self) -> Job:
        """The job. Raises UsageError when the folder holds no run, or a broken one."""
        try:
            refuse_links(self.path)
            data = json.loads(self.job_file.read_bytes())
            check_job(data)
            return Job(**data)
        except FileNotFoundError:
            raise UsageError(
                f"{self.path} holds no run that can be continued: job.json is missing. If it was stopped while its "
                f"file was still being checked, nothing was sent: start the job again."
            ) from None
        except OSError as error:
            raise UsageError(f"{self.job_file}: {error.strerror or error}") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise UsageError(f"{self.job_file} is damaged ({error}): this run cannot be continued") from error

    def forget_edit(self, job: Job) -> None:
        """Remove what a resume left that died before it had taken an edited job file over."""
        for stem in ("input", "ledger", "edits"):
            for path in self.path.glob(f"{stem}{_suffix(job.revision + 1)}.*"):
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Take back a folder of a run that sent nothing."""
        shutil.rmtree(self.path, ignore_errors=True)


def digest_of(job: Job) -> str:
    """The SHA-256 of the job as it is kept: the ledger notes it, so that a damaged or changed job.json is noticed."""
    return hashlib.sha256(_written(job)).hexdigest()


def stem_of_input(revision: int) -> str:
    """The name of a run's input, without the ending that tells its format."""
    return f"input{_suffix(revision)}"


def _suffix(revision: int) -> str:
    return "" if revision == 1 else f"-{revision}"


def _written(job: Job) -> bytes:
    return as_record({key: value for key, value in asdict(job).items() if value or key not in _OFTEN_ABSENT})


def as_record(data: Mapping[str, Any]) -> bytes:
    """`data` as JSON to be kept; names of files that are no UTF-8 are read back as they were."""
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def create(runs_dir: Path, run_id: str | None) -> RunFolder:
    """A new folder. Raises UsageError for a bad id or an unusable runs folder, RefusedError for a taken id."""
    name = run_id or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    if name == "latest":
        raise UsageError(
            "--run-id 'latest': this is how the newest run is called, whichever it is; choose another name"
        )
    if not RUN_ID.fullmatch(name):
        raise UsageError(f"--run-id {name!r}: letters, digits, dot, dash and underscore only, at most 100")
    path = runs_dir / name
    try:
        make_private(runs_dir)
        path.mkdir(mode=0o700)
    except FileExistsError as error:
        if not runs_dir.is_dir():
            raise UsageError(f"{runs_dir} is not a folder: name another with --runs-dir") from error
        raise RefusedError(
            f"a run {name!r} exists already in {runs_dir}: `bulkops resume {name}` continues it"
        ) from error
    except OSError as error:
        raise UsageError(
            f"the runs folder {runs_dir} cannot be written ({error.strerror or error}): name another with --runs-dir"
        ) from error
    return RunFolder(path)


def make_private(folder: Path) -> None:
    """Make `folder` and what is missing above it, for their owner alone. Raises OSError."""
    for each in (*reversed(folder.parents), folder):
        if not each.is_dir():
            each.mkdir(mode=0o700, exist_ok=True)


def find(runs_dir: Path, name: str | None) -> RunFolder:
    """The run called `name`: an id, an unambiguous prefix of one, a folder, or `latest`.

    A folder is made absolute, so that `.` has its name. Raises UsageError, naming the candidates.
    """
    if name and _holds_run(Path(name)):
        return RunFolder(Path(name).resolve())
    known = _known(runs_dir)
    if not known:
        raise UsageError(f"there are no runs in {runs_dir}" + (f", and {name!r} is no run's folder" if name else ""))
    if name is None or name == "latest":
        return RunFolder(max(known, key=_started))
    exact = [path for path in known if path.name == name]
    matches = exact or [path for path in known if path.name.startswith(name)]
    if len(matches) == 1:
        return RunFolder(matches[0])
    if not matches:
        listed = ", ".join(path.name for path in sorted(known, key=_started, reverse=True)[:5])
        raise UsageError(f"no run {name!r} in {runs_dir}; the newest: {listed}")
    raise UsageError(f"{name!r} means {len(matches)} runs: {', '.join(sorted(path.name for path in matches))}")


def _holds_run(path: Path) -> bool:
    """A run has job.json; a pipeline's run has a pipeline.json that is more than the one that people write."""
    try:
        if (path / "job.json").is_file():
            return True
        inside = path / "pipeline.json"
        if not stat.S_ISREG(inside.stat().st_mode):
            return False
        return (path / "stages").is_dir() or b'"bulkops_pipeline"' in inside.read_bytes()
    except PermissionError as error:
        raise UsageError(
            f"{path}: whether a run is there may not be seen by this user: check the permissions of the folder and of "
            f"those above it"
        ) from error
    except (OSError, ValueError):  # not there, or no name that a file could have
        return False


def _known(runs_dir: Path) -> Sequence[Path]:
    try:
        return [path for path in runs_dir.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"the runs folder {runs_dir} cannot be read ({error.strerror or error})") from error


def _started(path: Path) -> tuple[str, str]:
    """When a run was made, then its name: ids may be chosen by hand, so the name alone does not tell."""
    try:
        name = "job.json" if (path / "job.json").exists() else "pipeline.json"
        created = str(json.loads((path / name).read_text(encoding="utf-8")).get("created_at", ""))
    except (OSError, ValueError, AttributeError):
        created = ""
    return created, path.name
