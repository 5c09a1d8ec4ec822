"""What headers say about the quota, and how long nobody may send."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bulkops.policy import (
    LONGEST_WAIT_S,
    QuotaReading,
    ThrottleGate,
    exhausted,
    read_date,
    read_quota,
    spent_wait_s,
    throttle_wait_s,
)
from bulkops.policy.quota import SHORTEST_WAIT_S

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
    found = read_quota(headers, now=NOW).reset_in_s
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("skew_s", [-7200.0, -90.0, 90.0, 7200.0])
def test_a_reset_is_measured_on_the_servers_clock(skew_s: float) -> None:
    """A local clock that is wrong makes no wait longer or shorter."""
    headers = {"Date": formatdate(NOW, usegmt=True), "X-RateLimit-Reset": str(int(NOW) + 40)}
    assert read_quota(headers, now=NOW + skew_s).reset_in_s == 40.0


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
    headers = {"Retry-After": text, "Date": formatdate(NOW, usegmt=True)}
    assert read_quota(headers, now=0.0).retry_after_s == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("500", 500), ("0", 0), ("12.0", 12), ("-4", 0), ("many", None), ("inf", None), ("", None)]
)
def test_counts_are_whole_and_not_negative(text: str, expected: int | None) -> None:
    """Limit and Remaining are read alike, in any case of their names."""
    headers = CIMultiDict({"x-ratelimit-limit": text, "X-RATELIMIT-REMAINING": text})
    reading = read_quota(headers, now=NOW)
    assert (reading.limit, reading.remaining) == (expected, expected)


NAMES = ("Date", "Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
MONSTERS = [
    "9" * 400,
    "Mon, 01 Jan 2024 00:00:00 +99999999999999",
    "1e400",
    "٣",
    "Mon, 1 Jan 9999999999999 00:00:00 GMT",
]


@given(st.dictionaries(st.sampled_from(NAMES), st.text() | st.sampled_from(MONSTERS)))
def test_no_header_breaks_the_reading(headers: dict[str, str]) -> None:
    """And none makes a wait negative or longer than the bound."""
    reading = read_quota(headers, now=NOW)
    assert 0 <= throttle_wait_s(reading, server_now=NOW) <= LONGEST_WAIT_S
    assert 0 <= spent_wait_s(reading, reserve=0.2) <= LONGEST_WAIT_S


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (QuotaReading(retry_after_s=7.0, reset_in_s=40.0), 7.0),
        (QuotaReading(retry_after_s=0.0, reset_in_s=40.0), 0.0),
        (QuotaReading(reset_in_s=33.0), 33.0),
        (QuotaReading(reset_in_s=0.0), SHORTEST_WAIT_S),  # a new window is open, but nobody sends at once
        (QuotaReading(), 40.0),
        (QuotaReading(retry_after_s=YEAR_S), LONGEST_WAIT_S),
        (QuotaReading(reset_in_s=YEAR_S), LONGEST_WAIT_S),
    ],
)
def test_a_refusal_is_waited_for_as_the_server_says_or_until_its_next_minute(
    reading: QuotaReading, expected: float
) -> None:
    """The windows are whole minutes of the server's clock; no wait is longer than the bound."""
    assert throttle_wait_s(reading, server_now=NOW) == expected


@pytest.mark.parametrize(
    ("remaining", "limit", "reset_in_s", "reserve", "expected"),
    [
        (0, 500, 40.0, 0.0, True),
        (1, 500, 40.0, 0.0, False),
        (100, 500, 40.0, 0.2, True),
        (101, 500, 40.0, 0.2, False),
        (0, None, 40.0, 0.2, True),
        (1, None, 40.0, 0.2, False),
        (0, 500, 0.0, 0.0, False),
        (0, 500, None, 0.0, False),
        (None, 500, 40.0, 0.0, False),
    ],
)
def test_a_window_is_spent_when_only_the_reserve_is_left(
    remaining: int | None, limit: int | None, reset_in_s: float | None, reserve: float, expected: bool
) -> None:
    """Without an end in sight there is nothing to wait for."""
    reading = QuotaReading(limit=limit, remaining=remaining, reset_in_s=reset_in_s)
    assert exhausted(reading, reserve=reserve) is expected
    assert spent_wait_s(reading, reserve=reserve) == (reset_in_s if expected else 0.0)


@pytest.mark.parametrize(
    ("known_s", "expected"), [(12.0, 12.0), (0.1, SHORTEST_WAIT_S), (YEAR_S, LONGEST_WAIT_S), (0.0, 40.0)]
)
def test_a_refusal_without_a_word_waits_for_the_window_that_was_named_before(known_s: float, expected: float) -> None:
    """An empty 503 says nothing itself; it belongs to the window of the answers before it."""
    assert throttle_wait_s(QuotaReading(), server_now=NOW, known_reset_in_s=known_s) == expected


def test_a_gate_remembers_the_window_that_was_named_last() -> None:
    """Until it has ended."""
    gate = ThrottleGate()
    assert gate.known_reset_in_s(5.0) == 0.0
    gate.learn(10.0)
    assert [gate.known_reset_in_s(now) for now in (4.0, 10.0, 11.0)] == [6.0, 0.0, 0.0]


def test_a_spent_window_that_ends_in_a_year_holds_for_the_bound() -> None:
    """A header without sense cannot stop a run for good."""
    assert spent_wait_s(QuotaReading(remaining=0, reset_in_s=YEAR_S), reserve=0.0) == LONGEST_WAIT_S


def test_a_gate_opens_at_the_latest_end_that_was_named() -> None:
    """An earlier end does not open it sooner."""
    gate = ThrottleGate()
    assert gate.wait_s(5.0) == 0.0
    gate.hold(10.0)
    gate.hold(8.0)
    gate.hold(12.0)
    assert [gate.wait_s(now) for now in (9.0, 12.0, 13.0)] == [3.0, 0.0, 0.0]
    assert gate.holds == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [(formatdate(NOW, usegmt=True), NOW), ("Fri, 15 Jan 2027 08:00:20 -0000", NOW), ("never", None), (None, None)],
)
def test_a_date_is_epoch_seconds_or_nothing(text: str | None, expected: float | None) -> None:
    """A date without a zone is universal time, whatever the machine's zone is."""
    assert read_date(text) == expected
