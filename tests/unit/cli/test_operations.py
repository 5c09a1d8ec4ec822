"""`bulkops operations` tells a newcomer what can be done, and all that has to be known before doing it."""

from __future__ import annotations

import json

import pytest

from bulkops.cli.main import main
from bulkops.operations import OPERATIONS
from bulkops.wiring import AVAILABLE

Capture = pytest.CaptureFixture[str]


def told(capsys: Capture, *words: str) -> str:
    """What `bulkops operations` prints."""
    assert main(["operations", *words]) == 0
    return capsys.readouterr().out


def test_the_list_has_a_line_for_each_with_what_takes_away_marked(capsys: Capture) -> None:
    """Names stand in a column of their own, however long they are."""
    lines = told(capsys).splitlines()
    assert [line.split()[0] for line in lines] == list(OPERATIONS)
    for line, operation in zip(lines, OPERATIONS.values(), strict=True):
        assert line.endswith(f" {'!' if operation.destructive else ' '} {operation.summary}")
    assert len({line.index(operation.summary) for line, operation in zip(lines, OPERATIONS.values(), strict=True)}) == 1


@pytest.mark.parametrize("kind", OPERATIONS)
def test_one_is_told_in_full(capsys: Capture, kind: str) -> None:
    """Fields, providers, batches, calls, whether it may be repeated and what takes it back; plain and as JSON."""
    operation, supports = OPERATIONS[kind], {name: has[kind] for name, has in AVAILABLE.items() if kind in has}
    plain = told(capsys, kind)
    assert plain.startswith(operation.summary)
    for name, support in supports.items():
        section = plain.partition(f"On {name}, ")[2].partition("\nOn ")[0]
        for column, field in support.fields.model_fields.items():
            assert f"    {column}{'*' if field.is_required() else ' '}" in section or f"    {column}\n" in section
            assert field.description
            assert field.description in section
        for call in support.calls:
            assert call in section
    assert f"bulkops plan JOB --operation {kind} " in plain
    (found,) = json.loads(told(capsys, kind, "--json"))["operations"]
    assert (found["operation"], found["repeatable"], found["destructive"]) == (
        kind,
        operation.repeatable,
        operation.destructive,
    )
    assert set(found["providers"]) == set(supports)
    for name, provider in found["providers"].items():
        support = supports[name]
        assert set(provider["fields"]) == set(support.fields.model_fields)
        assert (provider["batch_size"], provider["max_batch"]) == (support.batch_size, support.max_batch)
        assert (provider["calls"], provider["root_only"]) == (list(support.calls), support.root_only)


def test_what_cannot_be_taken_back_says_so(capsys: Capture) -> None:
    """Of all operations, two are for good."""
    found = json.loads(told(capsys, "--json"))["operations"]
    assert [one["operation"] for one in found if not one["reversible"]] == ["resend-invite", "delete-user"]
    assert "undone by           nothing: the mail cannot be unsent" in told(capsys, "resend-invite")
    assert "undone by           enable-user" in told(capsys, "disable-user")


def test_what_is_not_harmless_to_repeat_says_so(capsys: Capture) -> None:
    """Whatever sends a mail."""
    found = json.loads(told(capsys, "--json"))["operations"]
    assert [one["operation"] for one in found if not one["repeatable"]] == ["invite", "resend-invite"]
    assert "harmless to repeat  no: what is in doubt is looked up first" in told(capsys, "invite")


def test_lists_defaults_and_alternatives_are_explained(capsys: Capture) -> None:
    """What a cell may hold is not left to be guessed."""
    assert "several in a cell are parted by ;" in told(capsys, "invite")
    assert "member or maintainer; if empty, as they are, or member" in told(capsys, "add-team-member")
    assert "(one of them is needed)" in told(capsys, "revoke-invite")
    assert "rows a call  all rows of the file" in told(capsys, "allowlist-replace")
    assert "rows a call  1\n" in told(capsys, "unassign-role")
    assert "in the root organisation only" in told(capsys, "add-team-member")


def test_an_unknown_one_is_refused_with_the_nearest_name(capsys: Capture) -> None:
    """A typing mistake costs no search."""
    assert main(["operations", "asign-role"]) == 2
    assert "did you mean 'assign-role'?" in capsys.readouterr().err
