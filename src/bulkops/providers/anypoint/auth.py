"""Logging in to Anypoint: a ready bearer, a connected app, or a user's password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bulkops.errors import AccessError
from bulkops.transport import Answer, Issued, Scrubber, Session, message_of


@dataclass(frozen=True, slots=True)
class Login:
    """One login call: where, and with what. Its repr holds no secret."""

    path: str
    body: dict[str, str] = field(repr=False)
    what: str = "login"

    @classmethod
    def connected_app(cls, client_id: str, client_secret: str) -> Login:
        """A connected app acting on its own behalf; its token lasts about an hour and has no refresh."""
        body = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        return cls("/accounts/api/v2/oauth2/token", body, "connected app")

    @classmethod
    def password(cls, username: str, password: str) -> Login:
        """A user's own login. It works only for accounts that are exempt from multi-factor authentication."""
        return cls("/accounts/login", {"username": username, "password": password}, f"user {username}")


def issuer(login: Login, session: Callable[[], Session], scrubber: Scrubber) -> Callable[[], Awaitable[Issued]]:
    """A function that logs in. The vendor says nothing of a token's life: a 401 tells when it is over.

    It raises AccessError when the login is refused.
    """

    async def issue() -> Issued:
        answer = await session().login(login.path, login.body)
        token = _token_in(answer)
        if token is None:
            raise AccessError(_refusal(login, answer))
        scrubber.add(token)
        return Issued(f"Bearer {token}")

    return issue


def _token_in(answer: Answer) -> str | None:
    if not 200 <= answer.status < 300 or not isinstance(answer.body, dict):
        return None
    token = answer.body.get("access_token")
    return token if isinstance(token, str) and token else None


def _refusal(login: Login, answer: Answer) -> str:
    """Why there is no token, in words. MFA shows as a success with other keys; 418 is another product's user."""
    if 200 <= answer.status < 400:
        return (
            f"logging in as {login.what} gave no token: the account probably needs multi-factor authentication. "
            f"Use a connected app, or a bearer token from a signed-in session."
        )
    return f"logging in as {login.what} was refused ({message_of(answer)})"
