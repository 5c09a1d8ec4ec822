"""Access tokens, the three ways to get one, and what each may do."""

import base64
import binascii
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from bulkops.sandbox.calls import Answer, Call, answer_json
from bulkops.sandbox.options import CLIENT_ID, CLIENT_SECRET, TOKEN
from bulkops.sandbox.vmware_csp.desk import API, Desk, Endpoint
from bulkops.sandbox.vmware_csp.organization import ADMIN, OWNER, User
from bulkops.sandbox.vmware_csp.seeding import CALLERS
from bulkops.sandbox.vmware_csp.validation import AUTH_MODULE, CspError

DEFAULT_LIFE_S = 1800.0
MEMBER_RIGHTS = frozenset({"users:read"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who calls: a person, or an app for itself."""

    user_id: str | None
    client_id: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """What an access token stands for: an app, or without one the caller that the quirk names. Epoch seconds."""

    client_id: str | None
    ends_at: float | None


class Tokens:
    """The access tokens in force. They live in memory: a restarted sandbox knows the fixed one only."""

    def __init__(self, ttl_s: float | None) -> None:
        self._ttl_s = ttl_s
        self._sessions: dict[str, Session] = {}

    @property
    def life_s(self) -> float:
        return DEFAULT_LIFE_S if self._ttl_s is None else self._ttl_s

    def begin(self, now: float) -> None:
        """Forget all tokens but the fixed one, whose life starts now; it is endless unless a life was given."""
        self._sessions = {}
        self.set_life(self._ttl_s, now)

    def set_life(self, ttl_s: float | None, now: float) -> None:
        """The life of tokens from now on; that of the fixed one starts anew."""
        self._ttl_s = ttl_s
        self._sessions[TOKEN] = Session(None, None if ttl_s is None else now + ttl_s)

    def issue(self, client_id: str | None, now: float) -> str:
        token = str(uuid.uuid4())
        self._sessions[token] = Session(client_id, now + self.life_s)
        return token

    def find(self, token: str, now: float) -> Session | None:
        session = self._sessions.get(token)
        if session is None or (session.ends_at is not None and session.ends_at <= now):
            return None
        return session

    def expire(self, now: float, *, fixed: bool) -> int:
        ended = [token for token in self._sessions if (token != TOKEN or fixed) and self.find(token, now)]
        for token in ended:
            self._sessions[token] = Session(self._sessions[token].client_id, now)
        return len(ended)


def admit(desk: Desk, tokens: Tokens, call: Call, right: str) -> None:
    """Set the actor of the call. Raises 401 without a valid token, 403 without the right, 404 elsewhere."""
    session = tokens.find(_read_token(call), call.now)
    if session is None:
        raise CspError(401, "The user is not authorized to use the API")
    user = desk.org.named(CALLERS[desk.quirks.caller]) if session.client_id is None else None
    if session.client_id is None and user is None:
        raise CspError(401, "The user is not authorized to use the API")
    call.actor = Actor(user.id if user is not None else None, session.client_id)
    if not _may(desk, call, user, right):
        raise CspError(403, "The user is forbidden to use the API")
    if call.params.get("org", desk.org.id) != desk.org.id:
        raise CspError(404, "Organization with this identifier is not found.")


def _read_token(call: Call) -> str:
    token = call.headers.get("csp-auth-token")
    if token is not None:
        return token.strip()
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _may(desk: Desk, call: Call, user: User | None, right: str) -> bool:
    if right in desk.quirks.forbid:
        return False
    if user is None:
        return right not in desk.quirks.app_forbid
    return right in MEMBER_RIGHTS or any(desk.org.holds(user, name, call.now) for name in (OWNER, ADMIN))


def read_form(call: Call) -> dict[str, str]:
    """The form of a token exchange. Raises 415."""
    if "x-www-form-urlencoded" not in call.headers.get("Content-Type", ""):
        raise CspError(415, "Content type not supported", AUTH_MODULE)
    return dict(parse_qsl(call.raw.decode(errors="replace")))


class Counter:
    """The endpoints that hand out access tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("POST", f"{API}/auth/api-tokens/authorize", self.exchange, None),
            Endpoint("POST", f"{API}/auth/authorize", self.client, None),
            Endpoint("POST", f"{API}/auth/token", self.client, None),
        ]

    def exchange(self, desk: Desk, call: Call) -> Answer:
        """An API token for an access token; 400 with module code 340 for a bad one.

        `refresh_token`, in the form or in the query, is a deprecated name of the field.
        """
        deprecated = call.first("refresh_token")
        form = {} if deprecated is not None and not call.raw else read_form(call)
        given = form.get("api_token") or form.get("refresh_token") or deprecated
        if given != TOKEN:
            raise CspError(400, "invalid_grant: Invalid refresh token", AUTH_MODULE)
        if desk.quirks.demand_passcode and not form.get("passcode"):
            raise CspError(400, "invalid_grant: A passcode is required", AUTH_MODULE)
        return self._issue(None, call.now, refresh_token=given)

    def client(self, desk: Desk, call: Call) -> Answer:
        """Grant client_credentials, for the app that the Basic header names."""
        if _read_basic(call) != (CLIENT_ID, CLIENT_SECRET):
            raise CspError(desk.quirks.bad_client_status, "invalid_client: Invalid client credentials", AUTH_MODULE)
        if read_form(call).get("grant_type") != "client_credentials":
            raise CspError(400, "unsupported_grant_type", AUTH_MODULE)
        return self._issue(CLIENT_ID, call.now)

    def _issue(self, client_id: str | None, now: float, **more: Any) -> Answer:
        return answer_json(
            {
                "access_token": self._tokens.issue(client_id, now),
                "expires_in": int(self._tokens.life_s),
                "token_type": "bearer",
                "scope": "ALL_PERMISSIONS",
                **more,
            }
        )


def _read_basic(call: Call) -> tuple[str, str] | None:
    scheme, _, encoded = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret
