"""What a run's folder may hold: it may have been made, or changed, by somebody else."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bulkops.errors import UsageError
from bulkops.operations import OPERATIONS


def refuse_links(folder: Path) -> None:
    """Raises UsageError for a link, a pipe or a device among the files of a run: what is written would go elsewhere.

    Hidden files are passed over: bulkops opens none by its name, and editors put links of their own there.
    """
    for path in folder.iterdir():
        mode = path.lstat().st_mode
        if not path.name.startswith(".") and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            what = "a link" if stat.S_ISLNK(mode) else "no regular file"
            raise UsageError(
                f"{path} is {what}: the folder of a run holds files of its own and nothing else. Nothing was read, "
                f"written or sent; take it away if you know where it comes from"
            )


def _known(operations: dict[str, int]) -> dict[str, int]:
    if not operations or not operations.keys() <= OPERATIONS.keys():
        raise ValueError("names no operation, or one that this version lacks")
    return operations


class _KeptOptions(BaseModel):
    """The options of the first session."""

    model_config = ConfigDict(strict=True)

    skip_invalid: bool | None = None
    batch_size: int | None = Field(default=None, ge=1, le=10_000)
    max_failures: str | None = None
    max_changes: str | None = None
    rate: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=2, max_length=2)] | None = None
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    reserve: float | None = Field(default=None, ge=0, le=0.95)
    config_file: str | None = None


_Become = str | bool | int | float


class _KeptJob(BaseModel):
    """What bulkops writes into job.json; file names are made of some of it."""

    model_config = ConfigDict(strict=True)

    run_id: str
    operations: Annotated[dict[str, int], AfterValidator(_known)]
    target: str
    provider: str
    organization: str
    source: str
    source_format: Literal["csv", "json", "jsonl"]
    source_sha256: str
    total: int = Field(ge=0)
    created_at: str
    version: str
    options: _KeptOptions
    defaults: dict[str, Any] = {}
    columns: list[str] = []
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    named_operation: str | None = None
    file_operation: str | None = None
    revision: int = Field(default=1, ge=1)
    column_map: dict[str, str | None] = {}
    value_map: dict[str, dict[str, _Become | list[_Become] | None]] = {}
    named_map: dict[str, str] = {}


def check_job(data: Any) -> None:
    """Raises ValueError, naming the first key of a job.json whose value bulkops would not have written."""
    try:
        _KeptJob.model_validate(data)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, fault['loc'])) or 'all of it'}: {fault['msg']}") from None
