"""Keeping secrets out of everything that is written down."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "[secret]"

_SCHEME = re.compile(
    r"(?i)\b(bearer|token|basic)\s+(?:(?=\S*\d)[A-Za-z0-9._~+/=-]{8,}|[A-Za-z._~+/=-]{20,})",
)
_KEY = re.compile(r"\bwmcp_[A-Za-z0-9_-]{4,}")  # keys of one vendor begin so, whoever wrote them down
# a value in quotes may hold escaped ones, and its end may be missing where a text was cut
_NAMED = re.compile(
    r"(?i)((?:access_token|refresh_token|id_token|client_secret|api_key|api_token|password|passwd|secret|"
    r"(?P<token>token)|(?<![a-z0-9])(?P<code>code))\\*[\"']?\s*[:=]\s*)"
    r"(?P<value>\\*\"(?:[^\"\\]|\\.)*(?:\"|$)|'[^']*(?:'|$)|[^\s,;&}\"']+)"
)
# a vendor's error code, such as 404, invalid_email or NOT_FOUND, rather than the secret of an invitation
_ERROR_CODE = re.compile(r"\d{1,5}|[A-Za-z][a-z]{0,15}(?:[_. -][A-Za-z]{1,16})*|[A-Z]{1,16}(?:_[A-Z]{1,16})*")
# the value of a token: a digit among its characters, or longer than words are; a status such as 401 is none
_TOKEN = re.compile(r"(?!\d{3}$)(?=\D*\d).*|\S{20,}", re.DOTALL)


class Scrubber:
    """Replaces known secrets, and what looks like one, in texts from outside.

    Known ones are added as they come to be known: configured ones at the start, tokens as they are issued.
    """

    def __init__(self) -> None:
        self._known: list[str] = []

    def add(self, secret: str) -> None:
        """From now on replace `secret`, also as JSON, a URL, a page or Base64 writes it.

        Shorter than 4 characters it is ignored: masking it would hide common words.
        """
        if len(secret) < 4 or secret in self._known:
            return
        self._known = sorted({*self._known, *_written(secret), *_in_base64(secret)}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """`text` without secrets."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, MASK)
        text = _SCHEME.sub(rf"\1 {MASK}", _KEY.sub(MASK, text))
        return _NAMED.sub(_masked, text)

    def head(self, text: str, limit: int) -> str:
        """The first `limit` characters of `text` without secrets, nor a part of one that the cut goes through."""
        cut = min((at for secret in self._known if (at := _across(text, secret, limit)) >= 0), default=limit)
        return self.text(text[:cut]) + (MASK if cut < limit else "")

    def value(self, value: Any) -> Any:
        """`value` with every string in it scrubbed; for log events."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(inner) for inner in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.text(str(value))


def _across(text: str, secret: str, limit: int) -> int:
    """Where `secret` begins before `limit` and ends after it; -1 where it does not."""
    return text.find(secret, max(0, limit - len(secret) + 1), limit + len(secret) - 1)


def _written(secret: str) -> Iterator[str]:
    """The forms in which a secret stands in bodies, messages and addresses."""
    yield secret
    for once in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield once
        yield json.dumps(once)[1:-1]  # a body that is quoted in another one
        yield once.replace("/", "\\/")
        yield once.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    for escaped in (quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace")):
        yield escaped
        yield re.sub("%..", lambda match: match[0].lower(), escaped)
    yield html.escape(secret)


def _in_base64(secret: str) -> Iterator[str]:
    """What of Base64 the secret alone decides, wherever in the encoded text it begins; not worth it below 8 characters.

    In `Basic` and in encoded bodies other bytes come before it, so that there are three ways to fall into groups.
    """
    raw = secret.encode("utf-8", "replace")
    for encode in (b64encode, urlsafe_b64encode):
        whole = encode(raw).decode()
        forms = [whole, whole.rstrip("=")]
        for before in range(3):
            text = encode(bytes(before) + raw).decode()
            unsure = (before + len(raw)) % 3  # bytes in the last group, which go on with what follows
            forms.append(text[(0, 2, 3)[before] : len(text) - (0, 3, 2)[unsure]])
        yield from (form for form in forms if len(form) >= 8)


def _masked(match: re.Match[str]) -> str:
    value = match["value"].strip("\\\"'")
    if match["code"] and _ERROR_CODE.fullmatch(value):
        return match[0]
    if match["token"] and not _TOKEN.fullmatch(value):
        return match[0]
    return f"{match[1]}{MASK}"
