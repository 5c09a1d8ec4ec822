"""Tokens, the ways to get one, and what each may do.

Refusals are plain text, as the vendor writes them: `Unauthorized` and `Forbidden`.
"""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from bulkops.sandbox.anypoint.desk import Desk, Endpoint
from bulkops.sandbox.anypoint.organization import User
from bulkops.sandbox.anypoint.quirks import Quirks
from bulkops.sandbox.anypoint.validation import bad_request, parse_json
from bulkops.sandbox.calls import Answer, Call, RefusalError, answer_json, answer_text, refuse
from bulkops.sandbox.options import CLIENT_ID, PASSWORD, TOKEN

DEFAULT_LIFE_S = 3600.0
MEMBER_RIGHTS = frozenset({"organization:read", "environments:read"})


@dataclass(frozen=True, slots=True)
class Session:
    """Who holds a token: a person, or an application for itself (then `user_id` is None). Times: epoch seconds."""

    user_id: str | None
    client_id: str | None
    issued_at: float
    ends_at: float | None


class Tokens:
    """The tokens in force. They live in memory: a restarted sandbox knows the fixed one only."""

    def __init__(self, ttl_s: float | None) -> None:
        self._ttl_s = ttl_s
        self._sessions: dict[str, Session] = {}

    @property
    def life_s(self) -> float:
        return DEFAULT_LIFE_S if self._ttl_s is None else self._ttl_s

    def begin(self, admin_id: str, now: float) -> None:
        """Forget all tokens but the fixed one, whose life starts now; it is endless unless a life was given."""
        ends_at = None if self._ttl_s is None else now + self._ttl_s
        self._sessions = {TOKEN: Session(admin_id, None, now, ends_at)}

    def set_life(self, ttl_s: float | None, now: float) -> None:
        """The life of tokens from now on; that of the fixed one starts anew."""
        self._ttl_s = ttl_s
        fixed = self._sessions[TOKEN]
        ends_at = None if ttl_s is None else now + ttl_s
        self._sessions[TOKEN] = Session(fixed.user_id, None, now, ends_at)

    def issue(self, user_id: str | None, client_id: str | None, now: float) -> str:
        token = str(uuid.uuid4())
        self._sessions[token] = Session(user_id, client_id, now, now + self.life_s)
        return token

    def find(self, token: str, now: float) -> Session | None:
        session = self._sessions.get(token)
        if session is None or (session.ends_at is not None and session.ends_at <= now):
            return None
        return session

    def expire(self, now: float, *, fixed: bool) -> int:
        ended = [token for token in self._sessions if (token != TOKEN or fixed) and self.find(token, now)]
        for token in ended:
            old = self._sessions[token]
            self._sessions[token] = Session(old.user_id, old.client_id, old.issued_at, now)
        return len(ended)


def unauthorized() -> RefusalError:
    return refuse(answer_text("Unauthorized", 401))


def admit(desk: Desk, tokens: Tokens, call: Call, right: str) -> None:
    """Set the actor of the call. Raises 401 without a valid token, 403 without the right."""
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    session = tokens.find(token.strip(), call.now) if scheme.lower() == "bearer" else None
    if session is None:
        raise unauthorized()
    call.actor = session
    user = desk.actor(call)
    if session.user_id is not None and (user is None or user.deleted or not user.enabled):
        raise unauthorized()
    if right != "me" and not _may(desk, user, right):
        status = desk.quirks.forbid_status
        raise refuse(answer_text("Forbidden" if status == 403 else "Unauthorized", status))


def _may(desk: Desk, user: User | None, right: str) -> bool:
    if right in desk.quirks.forbid:
        return False
    if user is None:
        return right not in desk.quirks.app_forbid
    return right in MEMBER_RIGHTS or desk.org.is_administrator(user)


def read_credentials(call: Call, quirks: Quirks) -> dict[str, Any]:
    """A body in JSON or as a form."""
    if "x-www-form-urlencoded" in call.headers.get("Content-Type", ""):
        return dict(parse_qsl(call.raw.decode(errors="replace")))
    body = parse_json(call, quirks)
    if not isinstance(body, dict):
        raise bad_request("Expected an object")
    return body


class Counter:
    """The endpoints that hand out tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def endpoints(self) -> list[Endpoint]:
        """Login counts against the quota; the token endpoint declares no limit."""
        return [
            Endpoint("POST", "/accounts/login", self.login, None),
            Endpoint("POST", "/accounts/api/v2/oauth2/token", self.token, None, limited=False),
        ]

    def login(self, desk: Desk, call: Call) -> Answer:
        """200 `{access_token, token_type, redirectUrl}`; 401 for a wrong pair, 403 for a disabled account."""
        user = self._person(desk, read_credentials(call, desk.quirks))
        token = self._tokens.issue(user.id, None, call.now)
        return answer_json({"access_token": token, "token_type": "bearer", "redirectUrl": "/home/"})

    def token(self, desk: Desk, call: Call) -> Answer:
        """Grants client_credentials and password, both for a known application only."""
        given = read_credentials(call, desk.quirks)
        app = desk.org.apps.get(str(given.get("client_id") or CLIENT_ID))
        if app is None or "client_id" not in given or given.get("client_secret") != app.client_secret:
            raise unauthorized()
        grant_type = given.get("grant_type")
        if grant_type not in ("client_credentials", "password"):
            raise refuse(answer_json({"error": "unsupported_grant_type"}, 400))
        user_id = self._person(desk, given).id if grant_type == "password" else None
        token = self._tokens.issue(user_id, app.client_id, call.now)
        life_s = int(self._tokens.life_s)
        return answer_json({"access_token": token, "token_type": "bearer", "expires_in": life_s})

    def _person(self, desk: Desk, given: dict[str, Any]) -> User:
        """The account behind a username; every account of the sandbox has the same password."""
        user_id = desk.org.usernames.get(str(given.get("username", "")).casefold())
        user = desk.org.users[user_id] if user_id is not None else None
        if user is None or user.deleted or given.get("password") != PASSWORD:
            raise unauthorized()
        if not user.enabled:
            raise refuse(answer_text("Forbidden", 403))
        return user
