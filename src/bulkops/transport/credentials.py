"""One token for all workers of an account, renewed once however many discover its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import anyio
import structlog

from bulkops.errors import AccessError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Token:
    """A credential as it goes into the Authorization header. Its repr holds no secret.

    `generation` counts renewals, so that a worker can name the token that it saw refused.
    """

    header: str = field(repr=False)
    generation: int = 0


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
    """A token that a login call issues, fetched on first use and again when it is refused.

    `issue` returns the Authorization header; it raises AccessError when the login itself is refused, and is then not
    called again.
    """

    def __init__(self, issue: Callable[[], Awaitable[str]]) -> None:
        self._issue = issue
        self._token: Token | None = None
        self._refusal: AccessError | None = None
        self._lock = anyio.Lock()

    async def current(self) -> Token:
        """The token in use, logging in if there is none yet."""
        if self._token is not None:
            return self._token
        return await self._fetch(after=0)

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
            try:
                header = await self._issue()
            except AccessError as error:
                self._refusal = error
                raise
            self._token = Token(header, after + 1)
            log.info("token.issued", generation=self._token.generation)
            return self._token
