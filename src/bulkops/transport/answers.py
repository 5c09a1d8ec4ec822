"""What came back from a call, and what each kind of answer means for the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bulkops.errors import AccessError, AttemptError, InDoubtError, RejectedError, RetryableError
from bulkops.model import shorten
from bulkops.policy import LONGEST_WINDOW_S


class Answer(NamedTuple):
    """An answer, read to its end.

    `body` is the decoded JSON as it came (None if empty), so it may hold secrets; `text` is scrubbed and short: the
    provider's own words where the body has some, else its beginning. `location` is where a redirect points; `link` the
    `Link` fields of the header, as one.
    """

    status: int
    body: Any
    text: str
    request_id: str | None
    date: float | None
    readable: bool = True
    location: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a refusal means: a stable word for reports, and whether every further call would be refused for it, too."""

    code: str
    stops_run: bool = False


@dataclass(frozen=True, slots=True)
class VendorProfile:
    """How one vendor's HTTP answers are to be read.

    `throttles(status, body_length, headers)` says whether an answer is a request to wait; `validation(body)` says
    whether a 400 is the body check's, made before anything is applied; `request_id_header` names the vendor's
    transaction, and `request_id(body)` finds it in an error's body. `refusal(status, body)` reads what a refusal means,
    None where its status says all there is. `longest_window_s` is the longest window of its quotas, in seconds.
    """

    request_id_header: str = "X-Request-Id"
    throttles: Callable[[int, int, Mapping[str, str]], bool] = lambda status, _length, _headers: status == 429
    validation: Callable[[Any], bool] = lambda _body: False
    request_id: Callable[[Any], str] = lambda _body: ""
    refusal: Callable[[int, Any], Reading | None] = lambda _status, _body: None
    headers: Mapping[str, str] | None = None
    longest_window_s: float = LONGEST_WINDOW_S


def message_of(answer: Answer) -> str:
    """The provider's own words, shortened, or its status where it said nothing."""
    return f"HTTP {answer.status}" + (f": {shorten(answer.text, 300)}" if answer.text else "")


def words_in(body: Any) -> str:
    """What an error body says, in the shapes that vendors use; empty where it has none of them."""
    if not isinstance(body, dict):
        return ""
    if isinstance(body.get("errors"), list) and body["errors"]:
        return "; ".join(_one_error(error) for error in body["errors"][:3])
    return str(body.get("message") or body.get("error") or "")


def _one_error(error: object) -> str:
    if not isinstance(error, dict):
        return str(error)
    where = error.get("dataPath") or error.get("instancePath") or ""
    said = error.get("message") or error.get("keyword")
    if not said:
        said = ": ".join(str(error[name]) for name in ("title", "detail") if error.get(name)) or "invalid"
    return f"{where} {said}".strip()


def failure_of_write(answer: Answer, profile: VendorProfile) -> AttemptError | AccessError | None:
    """The error that a write's answer amounts to; None for a success.

    A refusal in the 4xx range is the provider's word that it said no. Everything else that is not a success leaves
    open what happened: a 5xx after sending, a redirect, a success whose body cannot be read.
    """
    if 200 <= answer.status < 300 and answer.readable:
        return None
    facts: dict[str, Any] = {"http_status": answer.status, "request_id": answer.request_id}
    text = message_of(answer)
    if 200 <= answer.status < 300:
        return InDoubtError("the answer could not be read: " + shorten(answer.text, 120), code="broken_answer", **facts)
    if 400 <= answer.status < 500 and answer.status != 408:
        reading = profile.refusal(answer.status, answer.body) or Reading(_code(answer.status))
        atomic = answer.status == 403 or profile.validation(answer.body)
        return RejectedError(text, code=reading.code, stops_run=reading.stops_run, atomic=atomic, **facts)
    return InDoubtError(text, code="redirected" if answer.status < 400 else "server_error", **facts)


def failure_of_read(answer: Answer) -> AttemptError | AccessError | None:
    """The error that a read's answer amounts to; None for a success. A read may always be tried again."""
    facts: dict[str, Any] = {"http_status": answer.status, "request_id": answer.request_id}
    if 200 <= answer.status < 300:
        text = f"HTTP {answer.status}, and the answer could not be read: {shorten(answer.text, 120)}"
        return None if answer.readable else RetryableError(text, code="broken_answer", **facts)
    if answer.status == 403:
        return AccessError(f"the provider refuses this read ({message_of(answer)}): the account lacks the right for it")
    if 400 <= answer.status < 500 and answer.status != 408:
        return RejectedError(message_of(answer), code=_code(answer.status), **facts)
    return RetryableError(message_of(answer), code="server_error", **facts)


def _code(status: int) -> str:
    return {
        400: "invalid",
        403: "forbidden",
        404: "not_found",
        405: "not_allowed",
        409: "conflict",
        410: "not_found",
        413: "too_large",
        422: "invalid",
    }.get(status, "rejected")
