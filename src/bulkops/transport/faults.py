"""A client library's exceptions in our own words, and how its calls find their way out."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from bulkops.errors import AttemptError, ConfigError, InDoubtError, RetryableError
from bulkops.model import shorten


def translate(error: BaseException, base_url: str) -> AttemptError | ConfigError:
    """A client library's exception in our own words.

    Only a connection that never opened is certain not to have carried the call.
    """
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return ConfigError(
            f"{base_url}: the server's TLS certificate cannot be trusted or TLS failed ({error.__class__.__name__}: "
            f"{_reason(error)}). Check base_url; for a private authority name its certificate with `ca_file`."
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return RetryableError(f"cannot find the host of {base_url}: {_reason(error)}", code="unreachable")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return RetryableError(f"the proxy does not connect to {base_url}: HTTP {error.status}", code="unreachable")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return RetryableError(f"cannot connect to {base_url}: {_reason(error)}", code="unreachable")
    if isinstance(error, TimeoutError):
        return InDoubtError("no answer in time", code="no_answer")
    return InDoubtError(f"the connection broke before the answer was complete: {_reason(error)}", code="no_answer")


def _reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    return shorten(str(inner) or type(error).__name__, 160)


def proxy_for(base_url: str) -> str | None:
    """The proxy that the environment names for `base_url`, with its credentials; loopback needs none."""
    url = urlsplit(base_url)
    host = url.hostname or ""
    if host in {"localhost", "::1"} or host.startswith("127.") or proxy_bypass(host):
        return None
    named = getproxies().get(url.scheme)
    return named if not named or "://" in named else f"http://{named}"
