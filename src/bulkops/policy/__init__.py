"""Decisions without I/O; clocks and randomness are arguments."""

from bulkops.policy.backoff import RetryBudget, full_jitter
from bulkops.policy.quota import (
    LONGEST_WAIT_S,
    QuotaReading,
    ThrottleGate,
    exhausted,
    read_date,
    read_quota,
    spent_wait_s,
    throttle_wait_s,
)
from bulkops.policy.splitting import Splitter

__all__ = [
    "LONGEST_WAIT_S",
    "QuotaReading",
    "RetryBudget",
    "Splitter",
    "ThrottleGate",
    "exhausted",
    "full_jitter",
    "read_date",
    "read_quota",
    "spent_wait_s",
    "throttle_wait_s",
]
