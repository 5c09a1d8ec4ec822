"""The documents are true: their commands do what they say, their links lead somewhere, their lists are complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulkops.model.states import LEGAL
from bulkops.reports import codes

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("jobs/*.md"), *ROOT.glob("benchmarks/*.md"))
)
BLOCK = re.compile(r"^```console runnable\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
EXIT = re.compile(r"\(exit (\d+)\)")

CRONTAB = """\
#!/bin/sh
case "$1" in
  -l) cat "$HOME/crontab.txt" 2>/dev/null || { echo "no crontab for reader" >&2; exit 1; };;
  -) cat > "$HOME/crontab.txt";;
esac
"""


@dataclass
class Command:
    """One command of a document, the lines that it is said to print, and its exit code."""

    text: str
    lines: list[str] = field(default_factory=list)
    exit: int = 0


def commands(document: str) -> Iterator[Command]:
    """The commands of all runnable blocks; `> ` goes on with one, as a shell's prompt does."""
    command: Command | None = None
    for block in BLOCK.findall(read(document)):
        for line in block.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    yield command
                command = Command(line[2:])
            elif command is not None and line.startswith("> "):
                command.text += "\n" + line[2:]
            elif command is not None and (told := EXIT.fullmatch(line)):
                command.exit = int(told.group(1))
            elif command is not None:
                command.lines.append(line)
    if command is not None:
        yield command


def read(document: str) -> str:
    """A document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def runnable() -> list[str]:
    """The documents that have commands to run."""
    return [document for document in DOCUMENTS if BLOCK.search(read(document))]


def prepare(folder: Path) -> dict[str, str]:
    """A user's folder with the example jobs, and an environment in which `bulkops` is the command under test."""
    shutil.copytree(ROOT / "jobs", folder / "jobs")
    (folder / "jobs" / "bulkops.toml").unlink()
    tools = folder / "tools"
    tools.mkdir()
    script = tools / "bulkops"
    script.write_text(f"#!{sys.executable}\nfrom bulkops.cli.main import entry\nentry()\n", encoding="utf-8")
    script.chmod(0o755)
    for name, text in (("crontab", CRONTAB), ("systemctl", "#!/bin/sh\n")):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANYPOINT_", "BULKOPS_"))}
    path = f"{tools}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "none"), "COLUMNS": "100"}


def run(command: Command, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command by a shell, both outputs together."""
    return subprocess.run(
        ["sh", "-c", command.text],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def compare(command: Command, printed: str) -> None:
    """Every line that the document shows was printed, in its order; `…` stands for anything."""
    at = 0
    lines = printed.splitlines()
    for wanted in command.lines:
        if wanted.strip() in ("", "…"):
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.rstrip().split("…")))
        found = next((number for number in range(at, len(lines)) if pattern.fullmatch(lines[number].rstrip())), None)
        assert found is not None, f"$ {command.text}\ndid not print:\n{wanted}\nbut:\n{printed}"
        at = found + 1


@pytest.mark.parametrize("document", runnable())
def test_the_commands_of_a_document_do_what_it_says(document: str, tmp_path: Path) -> None:
    """All commands of a document, one after the other in one folder, as its reader would type them."""
    environment = prepare(tmp_path)
    for command in commands(document):
        if (setting := re.fullmatch(r"export (\w+)='(.*)'", command.text)) is not None:
            environment[setting.group(1)] = setting.group(2)
            continue
        done = run(command, tmp_path, environment)
        assert done.returncode == command.exit, f"$ {command.text}\n{done.stdout}"
        compare(command, done.stdout)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_leads_somewhere(document: str) -> None:
    """A link to a file or folder of the project that is not there misleads."""
    for link in LINK.findall(read(document)):
        if "://" not in link:
            assert (ROOT / document).parent.joinpath(link).exists(), f"{document} links to {link}"


def test_every_dependency_has_its_line_of_why() -> None:
    """docs/dependencies.md names each package of pyproject.toml, and no other in its tables."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    groups = (project["dependencies"], *project.get("optional-dependencies", {}).values())
    needed = {name_of(requirement) for group in groups for requirement in group}
    listed = set(re.findall(r"^\| `([\w.-]+)` \| \S", read("docs/dependencies.md"), re.MULTILINE))
    assert listed == needed


def name_of(requirement: str) -> str:
    """The package that a requirement names."""
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]


def test_every_error_code_is_explained_in_the_words_of_the_reports() -> None:
    """docs/errors.md has each code of the table, with its meaning and advice as reports print them."""
    text = read("docs/errors.md")
    for code, explained in codes._CODES.items():
        advice = f" {explained.advice} |" if explained.advice else " |"
        assert f"| `{code}` | {explained.meaning} |{advice}" in text


def test_every_legal_change_of_state_is_explained() -> None:
    """docs/architecture.md explains each arrow of the state diagram, once."""
    rows = re.findall(r"^\| \d+ \| ([\w ]+) → ([\w ]+) \|", read("docs/architecture.md"), re.MULTILINE)
    legal = {(old.label, new.label) for old, following in LEGAL.items() for new in following}
    assert sorted((old.replace(" ", "_"), new.replace(" ", "_")) for old, new in rows) == sorted(legal)


@pytest.mark.parametrize("document", ["README.md", "docs/commands.md"])
def test_exit_codes_are_the_same_in_every_document(document: str) -> None:
    """The tables list the same codes as `--help`."""
    found = re.findall(r"^\| ([\d, ]+) \| ", read(document), re.MULTILINE)
    assert found == ["0", "1", "2", "3", "4", "5", "6", "130, 143"]


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "plan",
        "validate",
        "resume",
        "retry",
        "runs",
        "show",
        "report",
        "operations",
        "check",
        "schedule",
        "export",
        "sandbox",
    ],
)
def test_every_command_has_its_line(command: str) -> None:
    """docs/commands.md names the command."""
    assert re.search(rf"^\| `{command}\b", read("docs/commands.md"), re.MULTILINE)
