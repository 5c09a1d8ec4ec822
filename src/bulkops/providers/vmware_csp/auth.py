"""Access tokens of VMware Cloud Services: exchanged for an API token, or issued to an OAuth app.

Sources: reference of the authentication API (form bodies, `expires_in` in seconds), public clients (a bad API token is
a 400, not a 401).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bulkops.errors import AccessError
from bulkops.providers.vmware_csp.profile import API
from bulkops.transport import Answer, Issued, Scrubber, Session, message_of


@dataclass(frozen=True, slots=True)
class Exchange:
    """One way to an access token: where to ask, with what. Its repr holds no secret.

    `paths` are tried in their order as long as one is not there (404, 405).
    """

    paths: tuple[str, ...]
    form: dict[str, str] = field(repr=False)
    what: str
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def api_token(cls, token: str) -> Exchange:
        """By a user's API token, in the field that is not deprecated."""
        return cls((f"{API}/auth/api-tokens/authorize",), {"api_token": token}, "API token")

    @classmethod
    def oauth_app(cls, client_id: str, client_secret: str, scrubber: Scrubber) -> Exchange:
        """By an app's id and secret. No organisation is named: then it is the one that owns the app.

        Two paths are published for it, the second in a newer page.
        """
        pair = b64encode(f"{client_id}:{client_secret}".encode()).decode()
        scrubber.add(pair)
        paths = (f"{API}/auth/authorize", f"{API}/auth/token")
        return cls(paths, {"grant_type": "client_credentials"}, "OAuth app", f"Basic {pair}")


def issuer(exchange: Exchange, session: Callable[[], Session], scrubber: Scrubber) -> Callable[[], Awaitable[Issued]]:
    """A function that asks for an access token. It raises AccessError when there is none to be had."""

    async def issue() -> Issued:
        answer = await _ask(exchange, session())
        token = answer.body.get("access_token") if answer.status < 300 and isinstance(answer.body, dict) else None
        if not isinstance(token, str) or not token:
            raise AccessError(_refusal(exchange, answer))
        scrubber.add(token)
        return Issued(f"Bearer {token}", _life_s(answer.body.get("expires_in")))

    return issue


async def _ask(exchange: Exchange, session: Session) -> Answer:
    path, *others = exchange.paths
    answer = await session.login(path, exchange.form, form=True, authorization=exchange.authorization)
    for path in others:
        if answer.status in {404, 405}:
            answer = await session.login(path, exchange.form, form=True, authorization=exchange.authorization)
    return answer


def _life_s(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _refusal(exchange: Exchange, answer: Answer) -> str:
    """Why there is no token. A passcode cannot be asked of a job that nobody watches."""
    if answer.status < 400:
        return f"the exchange of the {exchange.what} gave no access token"
    hint = ""
    if exchange.authorization is None:
        hint = ". It may have expired, or the organisation asks for a passcode with it: then use an OAuth app"
    return f"the {exchange.what} was refused ({message_of(answer)}){hint}"
