"""The tools that bulkops is compared with: found on the machine, or fetched once into a folder that git ignores."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PEERS = Path(__file__).with_name(".peers")
PACKAGES = "from importlib.metadata import version as v; print('requests', v('requests'), 'Scrapy', v('scrapy'))"


class MissingError(Exception):
    """A tool that is not here, and why; what needs it is left out."""


def found(name: str) -> str:
    """The path of a program. Raises MissingError."""
    path = shutil.which(name)
    if path is None:
        raise MissingError(f"{name} is not installed")
    return path


def gnu_parallel() -> str:
    """GNU parallel; another program of that name belongs to moreutils. Raises MissingError."""
    path = found("parallel")
    if "GNU" not in _said([path, "--version"]):
        raise MissingError("parallel is not GNU parallel")
    return path


def newman() -> str:
    """newman, installed by npm at first use. Raises MissingError."""
    path = PEERS / "node_modules/.bin/newman"
    if not path.exists():
        npm = found("npm")
        PEERS.mkdir(exist_ok=True)
        _install([npm, "install", "--no-audit", "--no-fund", "--prefix", str(PEERS), "newman"])
    return str(path)


def python_with_peers() -> str:
    """The interpreter of an environment with requests and Scrapy, made at first use. Raises MissingError."""
    folder = PEERS / "venv"
    python, ready = folder / "bin/python", folder / ".ready"
    if not ready.exists():
        PEERS.mkdir(exist_ok=True)
        _install([sys.executable, "-m", "venv", "--clear", str(folder)])
        _install([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "requests", "scrapy"])
        ready.touch()
    return str(python)


def versions() -> dict[str, str]:
    """What those that are here call their versions. Nothing is fetched for it."""
    programs = {
        "curl": (shutil.which("curl") or "", "--version"),
        "GNU parallel": (shutil.which("parallel") or "", "--version"),
        "newman": (str(PEERS / "node_modules/.bin/newman"), "--version"),
        "Python packages": (str(PEERS / "venv/bin/python"), "-c", PACKAGES),
    }
    return {
        name: _said(command).partition("\n")[0].strip()[:60]
        for name, command in programs.items()
        if Path(command[0]).is_file()
    }


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _install(command: Sequence[str]) -> None:
    print(f"  fetching once: {' '.join(command[-3:])}", flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise MissingError(f"it cannot be installed: {lines[-1][:200]}")
