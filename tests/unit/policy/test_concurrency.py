"""How many calls may be in flight."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bulkops.policy import Concurrency


def feed(limit: Concurrency, answers: int, *, latency_s: float = 0.02, now: float = 1.0, in_flight: int = 99) -> None:
    """So many good answers, each of a call of its own round."""
    for _ in range(answers):
        limit.answered(latency_s, sent_at=now - latency_s, now=now, in_flight=in_flight)


def test_it_begins_at_four_and_grows_fourfold_with_each_round_of_good_answers() -> None:
    """Two rounds reach 64; the ceiling is never passed."""
    limit = Concurrency(ceiling=80)
    assert (limit.admits(3), limit.admits(4)) == (True, False)
    feed(limit, 4)
    assert limit.limit == 16
    feed(limit, 16)
    assert limit.limit == 64
    feed(limit, 100)
    assert limit.limit == 80


def test_a_fault_ends_the_fast_climb_for_good() -> None:
    """The first round of 16 fails: the next climb is by one a round."""
    limit = Concurrency(ceiling=80)
    feed(limit, 4)
    limit.failed(sent_at=1.0, now=2.0)
    cut = limit.limit
    assert cut < 16
    feed(limit, 11, now=3.0)
    assert limit.limit < cut + 1.1


def test_a_fault_cuts_it_once_for_the_calls_that_were_in_flight_together() -> None:
    """Those sent after the cut may cut it again, down to one and no further."""
    limit = Concurrency(ceiling=10, limit=10.0)
    for _ in range(5):
        limit.failed(sent_at=1.0, now=2.0)
    assert limit.limit == 7.0
    for step in range(20):
        limit.failed(sent_at=3.0 + step, now=3.5 + step)
    assert limit.limit == 1.0
    assert limit.admits(0)


def test_after_a_cut_a_round_of_good_answers_allows_one_more() -> None:
    """Additive from then on."""
    limit = Concurrency(ceiling=100, limit=10.0)
    limit.failed(sent_at=1.0, now=2.0)
    feed(limit, 7)
    assert 7.9 < limit.limit < 8.1


def test_latency_far_above_the_lowest_cuts_it_but_not_below_where_it_began() -> None:
    """Four calls in flight are no reason for slow answers."""
    limit = Concurrency(ceiling=64, limit=64.0)
    feed(limit, 10, latency_s=0.1)
    for step in range(30):
        feed(limit, 5, latency_s=2.0, now=10.0 * (step + 1))
    assert limit.limit == 4.0


def test_a_quick_server_is_not_slowed_by_our_own_queueing() -> None:
    """Ten times the lowest latency is nothing while all of it is milliseconds."""
    limit = Concurrency(ceiling=50)
    feed(limit, 10, latency_s=0.0005)
    feed(limit, 500, latency_s=0.02)
    assert limit.limit == 50


def test_a_service_that_has_become_slower_for_good_is_taken_as_it_is() -> None:
    """The lowest latency is that of the last answers: older ones are forgotten, and the limit climbs again."""
    limit = Concurrency(ceiling=16, limit=16.0)
    feed(limit, 300, latency_s=0.05)
    for step in range(1000):
        feed(limit, 1, latency_s=1.0, now=10.0 + 2.0 * step)
    assert limit.limit == 16


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    """Good answers to single calls prove nothing of many."""
    limit = Concurrency(ceiling=16)
    feed(limit, 100, in_flight=1)
    assert limit.limit == 4


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 60), st.integers(1, 100))), st.integers(1, 512))
def test_it_stays_between_one_and_the_ceiling(events: list[tuple[bool, float, int]], ceiling: int) -> None:
    """Whatever comes back."""
    limit, now = Concurrency(ceiling=ceiling), 0.0
    for good, latency_s, in_flight in events:
        now += 1.0 + latency_s
        if good:
            limit.answered(latency_s, sent_at=now - latency_s, now=now, in_flight=in_flight)
        else:
            limit.failed(sent_at=now - latency_s, now=now)
        assert 1 <= limit.limit <= ceiling
        assert limit.admits(0)
