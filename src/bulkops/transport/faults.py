"""A client's exceptions in our own words, and how its calls find their way out."""

from __future__ import annotations

import re
import socket
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bulkops.errors import AttemptError, ConfigError, InDoubtError, RetryableError
from bulkops.model import shorten
from bulkops.transport import reply
from bulkops.transport.reply import BrokenBodyError, HungUpError, NotConnectedError, NotHttpError, TooLongError
from bulkops.transport.secrets import Scrubber

FAULTS = (
    OSError,  # TimeoutError is one
    ValueError,
    EOFError,
    NotConnectedError,
    HungUpError,
    NotHttpError,
    BrokenBodyError,
    TooLongError,
)
"""What the clients raise."""

STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
"""What would move a terminal's cursor or turn the reading direction, and what no file can hold."""


def translate(error: BaseException, base_url: str, scrubber: Scrubber) -> AttemptError | ConfigError:
    """A client's exception in our own words, which may quote the server's.

    Only a connection that never opened is certain not to have carried the call.
    """
    if isinstance(error, NotConnectedError):
        return _not_connected(error.__cause__ or error, base_url, scrubber)
    if isinstance(error, TimeoutError):
        return InDoubtError("no answer in time", code="no_answer")
    if isinstance(error, TooLongError):
        return InDoubtError(f"the answer is longer than {reply.MAX_BODY_BYTES:,} bytes", code="broken_answer")
    reason = shorten(scrubber.text(_reason(error)), 160)
    return InDoubtError(f"no whole answer came: {reason}", code="no_answer")


def _not_connected(cause: BaseException, base_url: str, scrubber: Scrubber) -> RetryableError | ConfigError:
    reason = shorten(scrubber.text(_first_line(cause)), 160)
    if isinstance(cause, ssl.SSLError) and not _passes(cause):
        return ConfigError(
            f"{base_url}: the server's TLS certificate cannot be trusted or TLS failed ({type(cause).__name__}: "
            f"{reason}). Check base_url; for a private authority name its certificate with `ca_file`."
        )
    if isinstance(cause, socket.gaierror):
        return RetryableError(f"cannot find the host of {base_url}: {reason}", code="unreachable")
    if isinstance(cause, NotConnectedError):
        return RetryableError(f"the proxy does not connect to {base_url}: {reason}", code="unreachable")
    if isinstance(cause, TimeoutError):
        reason = "no answer in time"
    return RetryableError(f"cannot connect to {base_url}: {reason}", code="unreachable")


def _passes(error: ssl.SSLError) -> bool:
    """Whether TLS failed for something that may be over at the next try: a server that hung up, or could not."""
    hung_up = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
    return hung_up or getattr(error, "reason", None) == "TLSV1_ALERT_INTERNAL_ERROR"


def _reason(error: BaseException) -> str:
    """What happened, in a line."""
    if isinstance(error, HungUpError):
        return "the server hung up"
    if isinstance(error, BrokenBodyError):
        return "its body ended too soon, or cannot be unpacked"
    return f"it is not HTTP ({_first_line(error)})" if isinstance(error, NotHttpError) else _first_line(error)


def _first_line(error: BaseException) -> str:
    return STEERING.sub(" ", str(error).strip().partition("\n")[0]).rstrip(": ") or type(error).__name__


def proxy_for(base_url: str) -> str | None:
    """The proxy that the environment names for `base_url`, with its credentials; loopback needs none.

    Raises ConfigError for one that cannot be used, without its words: a password is among them.
    """
    url = urlsplit(base_url)
    host = url.hostname or ""
    if host in {"localhost", "::1"} or host.startswith("127.") or proxy_bypass(host):
        return None
    named = getproxies().get(url.scheme)
    if not named:
        return None
    proxy = named if "://" in named else f"http://{named}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, or half an IPv6 address
        usable = False
    if not usable:
        raise ConfigError(
            f"the proxy that the environment names for {url.scheme} cannot be used: write http://host:port, or take "
            f"the variable {url.scheme}_proxy (or {url.scheme.upper()}_PROXY) away"
        )
    return proxy
