"""Decisions without I/O; clocks and randomness are arguments."""

from bulkops.policy.allotment import Allotment, Grant, Refusal
from bulkops.policy.backoff import RetryBudget, full_jitter
from bulkops.policy.breaker import Breaker, BreakerLimits
from bulkops.policy.clock import ServerClock
from bulkops.policy.concurrency import Concurrency
from bulkops.policy.deadline import margin_s
from bulkops.policy.quota import LONGEST_WINDOW_S, QuotaReading, ResetUnit, read_date, read_quota
from bulkops.policy.splitting import Splitter
from bulkops.policy.window import EXACT_S, LONGEST_WAIT_S, VAGUE_S, Told

__all__ = [
    "EXACT_S",
    "LONGEST_WAIT_S",
    "LONGEST_WINDOW_S",
    "VAGUE_S",
    "Allotment",
    "Breaker",
    "BreakerLimits",
    "Concurrency",
    "Grant",
    "QuotaReading",
    "Refusal",
    "ResetUnit",
    "RetryBudget",
    "ServerClock",
    "Splitter",
    "Told",
    "full_jitter",
    "margin_s",
    "read_date",
    "read_quota",
]
