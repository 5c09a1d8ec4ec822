"""The real command in a folder of its own, and a real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty working directory."""
    return Shell(tmp_path)


@pytest.fixture
def sandbox() -> Iterator[SandboxProcess]:
    """A sandbox of 200 people."""
    with sandbox_process() as running:
        yield running
