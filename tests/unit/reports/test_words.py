"""What happened is said in the words of the operation, and every code has a meaning."""

from __future__ import annotations

import pytest

from bulkops.model import Counts
from bulkops.reports import Summary, explain
from bulkops.reports.words import duration, ending, moment, next_steps, result, title

CODES = [
    "already_invited",
    "already_member",
    "already_gone",
    "duplicate_row",
    "invalid_row",
    "unknown_role_group",
    "unknown_team",
    "unknown_user",
    "ambiguous_user",
    "ambiguous_team",
    "ambiguous_role_group",
    "protected",
    "invalid",
    "forbidden",
    "not_found",
    "conflict",
    "too_large",
    "rejected",
    "no_answer",
    "broken_answer",
    "server_error",
    "redirected",
    "unreachable",
    "throttled_out",
    "not_applied",
    "unverified",
]


@pytest.mark.parametrize("code", CODES)
def test_every_code_that_a_run_gives_has_a_meaning(code: str) -> None:
    """A sentence, not the code again."""
    found = explain(code)
    assert found.meaning.endswith(".")
    assert " " in found.meaning


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("unknown_role_group", "No role group has this name or id."),
        ("ambiguous_acl_object", "More than one acl object has this name."),
        ("already_archived", "It was archived already."),
        ("teapot", "teapot"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_codes_of_a_family_are_put_together_and_others_stand_for_themselves(code: str, meaning: str) -> None:
    """A new kind of thing needs no new entry."""
    assert explain(code).meaning == meaning


def test_the_result_is_one_plain_line() -> None:
    """With the word of the operation; rows that had no turn only where there are some."""
    assert result("invite", Counts(4812, 150, 38, 0)) == "4,812 invited, 150 skipped, 38 failed, 0 in doubt"
    assert result("new-verb", Counts(1, pending=2)) == "1 succeeded, 0 skipped, 0 failed, 0 in doubt, 2 not attempted"


def test_operations_have_titles() -> None:
    """Also one that is new."""
    assert title("delete-user") == "Delete users"
    assert title("new-verb") == "New verb"


@pytest.mark.parametrize(
    ("state", "counts", "words"),
    [
        ("completed", Counts(1), "finished"),
        ("completed", Counts(failed=1), "finished with failures"),
        ("completed", Counts(in_doubt=1), "finished with doubts"),
        ("completed", Counts(failed=1, in_doubt=1), "finished with failures and doubts"),
        ("stopped", Counts(failed=1), "stopped early"),
        ("interrupted", Counts(), "interrupted"),
        ("refused", Counts(), "refused, nothing was sent"),
    ],
)
def test_the_ending_says_more_than_the_state(state: str, counts: Counts, words: str) -> None:
    """A run that finished may still have failures."""
    assert ending(Summary("r1", state, "invite", "acme", counts)) == words


def test_each_kind_of_unfinished_row_has_its_next_step() -> None:
    """In the order in which to take them."""
    steps = next_steps("invite", Counts(failed=1, in_doubt=2, pending=3))
    assert [step.split()[0] for step in steps] == ["3", "Of", "1"]
    assert next_steps("invite", Counts(succeeded=1)) == ["Nothing is left to do."]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (4.21, "4.2 s"), (59.96, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    """Two units at most."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-03-01T10:00:03.25Z", "2026-03-01 10:00:03 UTC"),
        ("2026-03-01T12:00:03+02:00", "2026-03-01 10:00:03 UTC"),
        ("2026-03-01T10:00:03", "2026-03-01 10:00:03 UTC"),
        ("soon", "soon"),
        ("", ""),
        (None, ""),
    ],
)
def test_moments_are_in_utc_to_the_second(text: str | None, shown: str) -> None:
    """What is no time is shown as it is."""
    assert moment(text) == shown
