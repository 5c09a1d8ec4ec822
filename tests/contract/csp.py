"""What the tests of VMware Cloud Services beyond the common suite share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bulkops.errors import JobFileError
from bulkops.testing.operation_contract import Bench, Row

OpenBench = Callable[..., Awaitable[Bench]]


def row(**cells: str) -> Row:
    """A row of which only the report is looked at."""
    return Row(cells, lambda: True)


@contextmanager
def bad_rows(words: str) -> Iterator[None]:
    """The job is refused before anything is sent, and one of its problems has these words."""
    with pytest.raises(JobFileError) as caught:
        yield
    assert words in " ".join(str(problem) for problem in caught.value.problems)


def codes(bench: Bench) -> list[str]:
    """The `_error` column."""
    return [one["_error"] for one in bench.results()]


def meanwhile(bench: Bench, act: Callable[[], object]) -> None:
    """Do this between the plan and the first write."""
    confirm = bench.desk.observer.confirm

    async def confirmed(*args: Any) -> None:
        await confirm(*args)
        act()

    bench.desk.observer.confirm = confirmed  # type: ignore[assignment, method-assign]
