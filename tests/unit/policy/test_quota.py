"""What headers say about the quota, in each form that vendors use."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bulkops.policy import QuotaReading, ResetUnit, read_date, read_quota

NOW = 1_800_000_020.0  # twenty seconds into a minute
YEAR_S = 365 * 86_400.0


@pytest.mark.parametrize(
    ("reset", "expected"),
    [
        (str(int(NOW) + 40), 40.0),  # epoch seconds, as the vendor documents
        (f"{NOW + 40:.3f}", 40.0),
        (str(int((NOW + 40) * 1000)), 40.0),  # epoch milliseconds
        ("40", 40.0),  # seconds left
        ("0", 0.0),
        ("60", 60.0),
        ("40000", 40.0),  # milliseconds left, as a gateway's policy writes it
        ("609", 0.609),  # and shortly before the window ends
        (str(int(NOW) - 5), 0.0),  # past
        (str(int(NOW + YEAR_S)), YEAR_S),
        ("soon", None),
        ("", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("1e300", None),
        ("40, 60", None),
        (None, None),
    ],
)
def test_a_reset_is_understood_in_each_form_that_is_seen(reset: str | None, expected: float | None) -> None:
    """Epoch seconds or milliseconds, seconds or milliseconds left; garbage says nothing."""
    headers = {} if reset is None else {"X-RateLimit-Reset": reset}
    found = read_quota(headers, server_now=NOW, longest_s=60.0).reset_in_s
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_moment_names_its_window_and_a_delta_does_not() -> None:
    """An epoch second is the same in all answers of a window."""
    moment = read_quota({"X-RateLimit-Reset": str(int(NOW) + 40)}, server_now=NOW)
    delta = read_quota({"X-RateLimit-Reset": "40"}, server_now=NOW)
    assert (moment.reset_at, delta.reset_at) == (NOW + 40, None)


def test_milliseconds_left_are_known_by_a_large_number_and_then_taken_for_granted() -> None:
    """Near the end of a window they look like seconds: what was seen before decides."""
    first = read_quota({"X-RateLimit-Reset": "40000"}, server_now=NOW)
    assert first.in_ms
    late = read_quota({"X-RateLimit-Reset": "1500"}, server_now=NOW, in_ms=first.in_ms)
    assert (late.reset_in_s, late.in_ms) == (1.5, True)


@pytest.mark.parametrize(
    ("answers", "in_ms"),
    [
        ([(40.0, 0.0), (40.0, 0.3), (39.0, 0.4)], False),  # whole seconds
        ([(40.0, 0.0), (10.0, 30.0)], False),
        ([(3.0, 0.0), (60.0, 3.5)], False),  # a new window
        ([(2500.0, 0.0), (2400.0, 0.1)], True),
        ([(900.0, 0.0), (880.0, 0.02), (860.0, 0.04)], True),
    ],
)
def test_the_unit_of_small_numbers_shows_in_how_fast_they_fall(answers: list[tuple[float, float]], in_ms: bool) -> None:
    """What falls by a hundred in a tenth of a second counts milliseconds."""
    unit = ResetUnit()
    told = [unit.note(QuotaReading(reset_in_s=left_s), now) for left_s, now in answers]
    assert unit.in_ms is in_ms
    assert told.count(True) == (1 if in_ms else 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 30 ", 30.0),
        ("-1", 0.0),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, expected: float | None) -> None:
    """It is never undercut: a part of a second counts too."""
    headers = {"Retry-After": text}
    assert read_quota(headers, server_now=NOW).retry_after_s == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("500", 500), ("0", 0), ("12.0", 12), ("-4", 0), ("many", None), ("inf", None), ("", None)]
)
def test_counts_are_whole_and_not_negative(text: str, expected: int | None) -> None:
    """Limit and Remaining are read alike, in any case of their names."""
    headers = CIMultiDict({"x-ratelimit-limit": text, "X-RATELIMIT-REMAINING": text})
    reading = read_quota(headers, server_now=NOW)
    assert (reading.limit, reading.remaining) == (expected, expected)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {"RateLimit": '"default";r=50;t=30', "RateLimit-Policy": '"default";q=100;w=60'},
            QuotaReading(limit=100, remaining=50, reset_in_s=30.0, window_s=60.0),
        ),
        ({"RateLimit": "default; r=50; t=30"}, QuotaReading(remaining=50, reset_in_s=30.0)),
        ({"RateLimit": '"a,b;c";r=7'}, QuotaReading(remaining=7)),
        (
            {
                "RateLimit": '"burst";r=90;t=1, "daily";r=3;t=4000',
                "RateLimit-Policy": '"burst";q=100;w=1,"daily";q=1000;w=86400',
            },
            QuotaReading(limit=1000, remaining=3, reset_in_s=4000.0, window_s=86400.0),
        ),
        (
            {
                "RateLimit": '"size";r=0;t=9, "calls";r=5;t=2',
                "RateLimit-Policy": '"size";q=9;qu="content-bytes","calls";q=10;qu="requests"',
            },
            QuotaReading(limit=10, remaining=5, reset_in_s=2.0),
        ),
        ({"RateLimit": "limit=100, remaining=50, reset=30"}, QuotaReading(100, 50, 30.0)),
        (
            {"RateLimit-Limit": "100, 100;w=60", "RateLimit-Remaining": "50", "RateLimit-Reset": "30"},
            QuotaReading(100, 50, 30.0, window_s=60.0),
        ),
        ({"RateLimit": "garbage"}, QuotaReading()),
        ({"RateLimit": ""}, QuotaReading()),
    ],
)
def test_the_fields_of_the_ietf_draft_are_read_in_each_of_their_forms(
    headers: dict[str, str], expected: QuotaReading
) -> None:
    """Resets are deltas there; of several policies the tightest one that counts calls is meant."""
    assert read_quota(headers, server_now=NOW) == expected


@pytest.mark.parametrize(
    ("reading", "spent"),
    [
        (QuotaReading(remaining=0), True),
        (QuotaReading(remaining=3, reset_in_s=40.0), False),
        (QuotaReading(reset_in_s=40.0), True),
        (QuotaReading(reset_in_s=0.0), False),
        (QuotaReading(), False),
    ],
)
def test_a_refusal_is_one_for_the_rate_when_nothing_remains_or_a_reset_lies_ahead(
    reading: QuotaReading, spent: bool
) -> None:
    """A busy server that tells of many calls left is another matter."""
    assert reading.spent is spent


NAMES = (
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit",
    "RateLimit-Reset",
)
MONSTERS = [
    "9" * 400,
    "Mon, 01 Jan 2024 00:00:00 +99999999999999",
    "1e400",
    "٣",
    "Mon, 1 Jan 9999999999999 00:00:00 GMT",
    '";r=1;;t=,"' * 50,
    '"\\' * 200,
]


@given(st.dictionaries(st.sampled_from(NAMES), st.text() | st.sampled_from(MONSTERS)))
def test_no_header_breaks_the_reading(headers: dict[str, str]) -> None:
    """And none makes a wait or a count negative."""
    reading = read_quota(headers, server_now=NOW)
    told = (reading.limit, reading.remaining, reading.reset_in_s, reading.retry_after_s)
    assert all(value is None or value >= 0 for value in told)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(formatdate(NOW, usegmt=True), NOW), ("Fri, 15 Jan 2027 08:00:20 -0000", NOW), ("never", None), (None, None)],
)
def test_a_date_is_epoch_seconds_or_nothing(text: str | None, expected: float | None) -> None:
    """A date without a zone is universal time, whatever the machine's zone is."""
    assert read_date(text) == expected
