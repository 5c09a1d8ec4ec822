"""How one provider is put together: what whoever opens a target must know of it, and nothing of what it then does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from bulkops.providers.base import OperationSupport, Organization
from bulkops.transport import Credentials, Scrubber, Session, VendorProfile

__all__ = ["Adapter", "Given", "ProviderOptions"]


class ProviderOptions(BaseModel):
    """What `[targets.NAME.options]` may say for one provider; nothing, unless it has a model of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Given:
    """The credentials of a target: the method, its secrets by name, and where each comes from, for messages.

    `session` gives the session that they are for, once it is open: a login goes through it. Its repr holds no secret.
    """

    method: str
    secrets: Mapping[str, str] = field(repr=False)
    source_of: Callable[[str], str]
    session: Callable[[], Session]
    scrubber: Scrubber


class _Open(Protocol):
    def __call__(
        self, session: Session, organization: str, *, settling_s: float, options: Any
    ) -> Organization: ...  # pragma: no cover - a protocol's body


@dataclass(frozen=True, slots=True)
class Adapter:
    """One provider.

    `hosts` are its origins by region, the first being the default. `support(options)` gives the operations that it has
    under some options; under those of `everything` it has all that it can have, where that is not so without options.
    `credentials` turns what a target gives into what a session sends. `simple` is the method that
    needs one ready secret, and that secret's name: a simulator is spoken to so. `settling_s` is how long after an
    answer its effect may still be on the way; `width` the calls in flight where nobody says otherwise.
    `caution(origin)` says what must be confirmed before a job is aimed at `origin`; empty for an ordinary one.
    """

    name: str
    profile: VendorProfile
    hosts: Mapping[str, str]
    support: Callable[[Any], Mapping[str, OperationSupport]]
    credentials: Callable[[Given], Credentials]
    open: _Open
    simple: tuple[str, str] = ("bearer", "token")
    options: type[ProviderOptions] = ProviderOptions
    everything: ProviderOptions | None = None
    settling_s: float = 5.0
    width: int = 16
    caution: Callable[[str], str] = lambda _origin: ""

    @property
    def widest(self) -> ProviderOptions:
        """Options under which it has all its operations."""
        return self.everything or self.options()
