"""Every error that bulkops raises on purpose, grouped by what happens next.

BulkopsError
├── UsageError              nothing was sent; the person at the keyboard mends it       exit 2
│   ├── ConfigError         bulkops.toml, the environment or an option is wrong
│   ├── JobFileError        the job file is wrong; carries every Problem found
│   └── FilterError         a filter is wrong, or cannot be asked of a row; says where
├── RefusedError            a guard, a missing confirmation or a lock said no           exit 3
├── JobAbortedError         no further item can succeed; what is left stays pending
│   ├── StoppedError        too many faults or failures, unreachable host; resumable    exit 4
│   ├── AccessError         credentials or rights refused; resumable                    exit 5
│   └── InterruptedRunError a signal asked the run to stop; resumable                   exit 130, 143
├── LedgerError             the record is not safe: stop sending                        exit 4
└── AttemptError            one attempt at one batch failed; the subclass decides
    ├── ThrottledError      certainly not applied; wait, costs no attempt
    ├── RetryableError      certainly not applied; try again after backoff
    ├── InDoubtError        may have been applied; ask before a new attempt
    └── RejectedError       refused for good
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AccessError",
    "AttemptError",
    "BulkopsError",
    "ConfigError",
    "FilterError",
    "InDoubtError",
    "InterruptedRunError",
    "JobAbortedError",
    "JobFileError",
    "LedgerError",
    "RefusedError",
    "RejectedError",
    "RetryableError",
    "StoppedError",
    "ThrottledError",
    "UsageError",
]


class BulkopsError(Exception):
    """Base of all errors here. Its text is written for the administrator and holds no secret."""


class UsageError(BulkopsError):
    """Something the caller wrote is wrong. Nothing was sent."""


class ConfigError(UsageError):
    """The configuration, the environment or an option is wrong. Nothing was sent."""


class JobFileError(UsageError):
    """The job file cannot be run as it is. Nothing was sent.

    `problems` holds one entry for each thing found, ready to print; it may be empty when the whole
    file is unreadable and the message says all there is.
    """

    def __init__(self, message: str, problems: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class FilterError(UsageError):
    """A filter is wrong, or a row holds what its column cannot hold. Nothing was sent.

    `line` and `column`, both from 1, tell where in the filter; None for what is wrong with a row. The text of the
    error shows the place.
    """

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class RefusedError(BulkopsError):
    """A guard, a missing confirmation or another run's lock said no. Nothing was sent."""


class JobAbortedError(BulkopsError):
    """No further item can succeed now. Items without an outcome stay pending, so the run resumes."""


class StoppedError(JobAbortedError):
    """The run stopped early: too many faults or failures, or the host cannot be reached."""


class AccessError(JobAbortedError):
    """Credentials or rights were refused, also after one renewal."""


class InterruptedRunError(JobAbortedError):
    """A signal asked the run to stop. `signum` is the signal's number."""

    def __init__(self, message: str, *, signum: int) -> None:
        super().__init__(message)
        self.signum = signum


class LedgerError(BulkopsError):
    """The record may not have reached the disk, or cannot be read. Stop sending."""


class AttemptError(BulkopsError):
    """One attempt at one batch failed. The subclass decides what the engine does.

    `code` is a stable word for reports; `http_status` and `request_id` are the provider's own, if it answered.
    """

    code = "failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.http_status = http_status
        self.request_id = request_id


class ThrottledError(AttemptError):
    """The provider asked to wait. Certainly not applied; costs no attempt.

    The gate that shares the wait among all workers already knows how long.
    """

    code = "throttled_out"


class RetryableError(AttemptError):
    """Certainly not applied: attempt again after backoff, if the retry budget allows."""

    code = "unreachable"


class InDoubtError(AttemptError):
    """Sent, but no usable answer arrived: it may have been applied. Reconcile before a new attempt."""

    code = "no_answer"


class RejectedError(AttemptError):
    """The provider refused for good: one item becomes a failed item, a batch is taken apart.

    `atomic` is True where the refusal certainly applied nothing of the batch (the body never passed
    validation), and False where that is only likely, so that an operation that is not harmless to repeat
    looks before it sends a part again. `stops_run` is True where every further call would be refused for the same
    reason (no seat is left): what was not done stays pending, and the run stops.
    """

    code = "rejected"

    def __init__(
        self,
        message: str,
        *,
        atomic: bool = True,
        stops_run: bool = False,
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, http_status=http_status, request_id=request_id)
        self.atomic = atomic
        self.stops_run = stops_run
