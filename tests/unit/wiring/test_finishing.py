"""What `--on-finish` may be, what is shown of it, and what ends it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from bulkops.errors import ConfigError
from bulkops.model import Counts
from bulkops.reports import Summary
from bulkops.wiring.finishing import Finish, finish, parse_finish

TOLD = Summary("r", "completed", "invite", "acme", Counts(succeeded=1)).as_dict()


@pytest.mark.parametrize(
    ("given", "expected", "shown"),
    [
        ("notify --team 'blue; rm -rf $HOME'", ("notify", "--team", "blue; rm -rf $HOME"), "the command notify"),
        (["notify", "a b"], ("notify", "a b"), "the command notify"),
    ],
)
def test_a_command_is_its_words(given: object, expected: tuple[str, ...], shown: str) -> None:
    """Quotes group, and nothing is expanded."""
    assert parse_finish(given) == Finish(command=expected)
    assert str(parse_finish(given)) == shown


def test_of_an_address_only_the_host_is_shown() -> None:
    """Whoever has the address of a hook can write to it."""
    found = parse_finish("https://hooks.test/T0PS3CRET?key=T0PS3CRET")
    assert found.address == "https://hooks.test/T0PS3CRET?key=T0PS3CRET"
    assert str(found) == "a message to hooks.test"
    assert parse_finish("env:TEAM_HOOK") == Finish(variable="TEAM_HOOK")
    assert not parse_finish("none")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "  ",
        "'open",
        [],
        [""],
        [1],
        {},
        3,
        "env:",
        "env:A B",
        "https://",
        "http://[bad",
        "https://u:s3cr3tpw@h.test/",
    ],
)
def test_anything_else_is_refused_without_being_repeated(given: Any) -> None:
    """An address that is wrong may still be a secret."""
    with pytest.raises(ConfigError) as caught:
        parse_finish(given)
    assert "s3cr3tpw" not in str(caught.value)


async def test_a_command_that_hangs_is_called_off(tmp_path: Path) -> None:
    """After the limit, with what it started; and it says so."""
    what = Finish(command=(sys.executable, "-c", "import time; time.sleep(600)"))
    problem = await finish(what, TOLD, job=None, exit_code=0, environ={}, limit_s=0.2)
    assert problem == "called off after 0.2 s"


async def test_a_variable_that_is_not_set_is_named() -> None:
    """And an address in it is held against the same rules."""
    what = Finish(variable="TEAM_HOOK")
    assert await finish(what, TOLD, job=None, exit_code=0, environ={}) == "$TEAM_HOOK is not set"
    wrong = await finish(what, TOLD, job=None, exit_code=0, environ={"TEAM_HOOK": "ftp://h/S3CRET"})
    assert wrong == "$TEAM_HOOK: expected an address such as https://hooks.example/bulk"


async def test_a_command_that_reads_nothing_has_done_its_work() -> None:
    """Its standard input may be closed before anything was written to it."""
    what = Finish(command=(sys.executable, "-c", "import os; os.close(0)"))
    told = {**TOLD, "reason": "x" * 1_000_000}
    assert await finish(what, told, job="j", exit_code=4, environ={}) is None
