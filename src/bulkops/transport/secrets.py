"""Keeping secrets out of everything that is written down."""

from __future__ import annotations

import re
from typing import Any

MASK = "[secret]"

_PATTERNS = (
    re.compile(r"(?i)\b(bearer|token|basic)\s+(?=\S*\d)[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(
        r"(?i)([\"']?(?:access_token|refresh_token|id_token|client_secret|api_key|api_token|password|passwd|secret|code)"
        r"[\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&}\"']+)"
    ),
)


class Scrubber:
    """Replaces known secrets, and what looks like one, in texts from outside.

    Known ones are added as they come to be known: configured ones at the start, tokens as they are issued.
    """

    def __init__(self) -> None:
        self._known: list[str] = []

    def add(self, secret: str) -> None:
        """From now on replace `secret`. Shorter than 4 characters it is ignored: masking it would hide common words."""
        if len(secret) >= 4 and secret not in self._known:
            self._known.append(secret)
            self._known.sort(key=len, reverse=True)

    def text(self, text: str) -> str:
        """`text` without secrets."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, MASK)
        text = _PATTERNS[0].sub(rf"\1 {MASK}", text)
        return _PATTERNS[1].sub(rf"\1{MASK}", text)

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
