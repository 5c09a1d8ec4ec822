"""Where a measurement takes place: the server in a process of its own on one core, a folder, and the job in it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import measure

CLIENT_CORE, SERVER_CORE = 0, 1
WIDTH = 50
ORGANIZATION = "5a4db0c5-0000-4000-8000-00000000beac"  # the server's; its module imports too much for here
INVITES = f"/accounts/api/organizations/{ORGANIZATION}/invites"
ROOT = Path(__file__).resolve().parents[1]


class Place:
    """A folder in which `bulkops` finds its configuration, and the server that it names."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        text = (
            f'default_target = "bench"\n[targets.bench]\nprovider = "sandbox"\nbase_url = "{url}"\n'
            f'organization = "{ORGANIZATION}"\nconcurrency = {WIDTH}\n[targets.bench.auth]\nmethod = "bearer"\n'
            f'token_file = "{folder / "token"}"\n'
        )
        (folder / "bulkops.toml").write_text(text, encoding="utf-8")
        (folder / "token").write_text("bench", encoding="utf-8")

    def job(self, rows: int) -> Path:
        """An invite job of `rows` rows as CSV."""
        path = self.folder / f"invite-{rows}.csv"
        if not path.exists():
            with path.open("w", encoding="utf-8") as file:
                file.write("operation,email\n")
                file.writelines(f"invite,{address(number)}\n" for number in range(rows))
        return path

    def json_job(self, rows: int) -> Path:
        """The same as one JSON array."""
        path = self.folder / f"invite-{rows}.json"
        if not path.exists():
            with path.open("w", encoding="utf-8") as file:
                file.write("[\n")
                file.writelines(
                    ("," if number else "") + json.dumps({"operation": "invite", "email": address(number)}) + "\n"
                    for number in range(rows)
                )
                file.write("]\n")
        return path

    def answer_as(self, **how: object) -> None:
        """Have the server forget everything (`keep=True`: only its counts) and answer so from now on."""
        self._ask(json.dumps(how).encode())

    def told(self) -> Any:
        """What the server counted."""
        return self._ask(None)

    def forget_runs(self) -> None:
        """Remove the folders of runs."""
        shutil.rmtree(self.folder / ".bulkops", ignore_errors=True)

    def _ask(self, data: bytes | None) -> Any:
        with urllib.request.urlopen(f"{self.url}/bench", data=data, timeout=30) as answer:
            return json.load(answer)


def address(number: int) -> str:
    """Whom row `number` invites."""
    return f"given.family.{number}@newhires.example"


def python(module: str, *arguments: str, entry: str = "main") -> list[str]:
    """The command that runs a function of one of our modules in a fresh interpreter, wherever it is started."""
    text = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {module} import {entry}; {entry}(*sys.argv[1:])"
    return [sys.executable, "-c", text, *arguments]


@contextlib.contextmanager
def opened() -> Iterator[Place]:
    """A fresh place; its server ends with it."""
    with tempfile.TemporaryDirectory(prefix="bulkops-bench-") as name:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        measure.hold(process.pid, SERVER_CORE)
        try:
            port = process.stdout.readline().decode().strip() if process.stdout else ""
            yield Place(Path(name), f"http://127.0.0.1:{port}")
        finally:
            process.communicate(timeout=10)
