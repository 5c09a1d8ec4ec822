"""One token for all workers of an account, renewed once however many discover its end."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import anyio
import structlog

from bulkops.errors import AccessError

log = structlog.get_logger(__name__)

MARGIN_S = 60.0
"""So long before its end a token is renewed: longer than a call takes."""


@dataclass(frozen=True, slots=True)
class Token:
    """A credential as it goes into the Authorization header. Its repr holds no secret.

    `generation` counts renewals, so that a worker can name the token that it saw refused.
    """

    header: str = field(repr=False)
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Issued:
    """What a login gave: the Authorization header, and for how many seconds it is good; None where nobody says.

    Its repr holds no secret.
    """

    header: str = field(repr=False)
    lives_s: float | None = None


class Credentials(Protocol):
    """Where a session gets its token from. Tasks may share one."""

    async def current(self) -> Token:
        """The token to send with."""

    async def renew(self, spent: Token) -> Token:
        """A token that is not `spent`.

        Raises AccessError when there is no other to be had.
        """


class StaticToken:
    """A ready bearer or API key. It cannot be renewed."""

    def __init__(self, header: str, *, named: str) -> None:
        self._token = Token(header)
        self._named = named

    async def current(self) -> Token:
        """The one token there is."""
        return self._token

    async def renew(self, spent: Token) -> Token:
        """Raises AccessError, saying where the token came from."""
        raise AccessError(
            f"the provider does not accept the token from {self._named}: it has expired, or it lacks the right "
            f"for this call. Put a fresh token there and continue."
        )


class IssuedToken:
    """A token that a login call issues: fetched on first use, shortly before its life ends, and when it is refused.

    `issue` logs in; it raises AccessError when the login itself is refused, and is then not called again. `clock` gives
    seconds that never go back.
    """

    def __init__(self, issue: Callable[[], Awaitable[Issued]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._issue = issue
        self._clock = clock
        self._token: Token | None = None
        self._good_until = math.inf
        self._refusal: AccessError | None = None
        self._lock = anyio.Lock()

    async def current(self) -> Token:
        """The token in use, logging in if there is none yet or its life is about to end."""
        if self._token is None:
            return await self._fetch(after=0)
        if self._clock() < self._good_until:
            return self._token
        return await self._fetch(after=self._token.generation)

    async def renew(self, spent: Token) -> Token:
        """The next token. Whoever comes late gets the one that another worker already fetched."""
        return await self._fetch(after=spent.generation)

    async def _fetch(self, *, after: int) -> Token:
        async with self._lock:
            # a worker that waited here finds the newer token: one login for all who saw the old one refused
            if self._token is not None and self._token.generation > after:
                return self._token
            # nor does it ask again after a refusal: many wrong logins in a row lock an account
            if self._refusal is not None:
                raise AccessError(str(self._refusal)) from self._refusal
            asked_at = self._clock()
            try:
                issued = await self._issue()
            except AccessError as error:
                self._refusal = error
                raise
            self._good_until = _good_until(asked_at, issued.lives_s)
            self._token = Token(issued.header, after + 1)
            log.info("token.issued", generation=self._token.generation, lives_s=issued.lives_s)
            return self._token


def _good_until(asked_at: float, lives_s: float | None) -> float:
    """Until when a token is used: a minute before its end, or a tenth of its life where that is less."""
    if lives_s is None or not 0 < lives_s < math.inf:
        return math.inf  # its end is told by a 401
    return asked_at + lives_s - min(MARGIN_S, lives_s / 10)
