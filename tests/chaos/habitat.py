"""What a campaign must know of one simulated vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.rows import Desk, Verb, Wanted
from tests.chaos.world import Fact

Done = tuple[str, str, Any]
"""A call of the vendor's own API: method, path, body."""


@dataclass(frozen=True, slots=True)
class Habitat:
    """One vendor.

    `base` is where its API begins, with the organisation's id for `{org}`, which may stand in the paths of calls, too.
    `done` says how the vendor is told to do what a row wants, for rows that are so before the job runs; what an
    operation of `forgets` has done leaves no trace, so that such a row then names nobody. `nobody` makes rows that name
    nobody; `facts` tells all that is true; `again` makes another row that means the same; `beside` names an operation
    on things that the given one does not touch. `quirks` are drawn from, `settings` are quirks that always hold.
    `logins` are the ways to sign in, with their secrets; None stands for the printed token. `throttling` are the
    statuses by which it asks to wait, `reads` a glob over the paths of its reads. `scheme` is the word before the token
    of a call; `options` are what the target says to the provider. `tells_quota`: its answers say when a window ends;
    else a refusal for the rate, and a kill while it is waited for, make a start that is too slow for a round.
    """

    vendor: str
    base: str
    verbs: Mapping[str, Verb]
    done: Mapping[str, Callable[[Wanted], Done]]
    nobody: Mapping[str, Callable[[int], dict[str, str]]]
    facts: Callable[[Mapping[str, Any]], frozenset[Fact]]
    again: Callable[[str, Wanted, Desk], Wanted]
    beside: Callable[[str], str]
    quirks: Mapping[str, tuple[Any, ...]]
    logins: Mapping[str, Mapping[str, str | None]]
    throttling: Sequence[int]
    reads: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    forgets: frozenset[str] = frozenset()
    desk: type[Desk] = Desk
    scheme: str = "Bearer"
    tells_quota: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def standing(self) -> str:
        """The way to sign in that needs no login: its token cannot be renewed."""
        return next(iter(self.logins))
