"""The simulated organisation as a campaign sees it: its control calls, its set-up, and what is true in it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulkops.testing.processes import SandboxProcess

Fact = tuple[str, ...]
"""One thing that is true of the organisation: what kind, of whom, and how. Compared as a whole."""

EffectKey = tuple[str, str, str]
"""What took effect: its name, on whom (case folded), and the group, team or permission concerned ("" for none)."""

NO_CALL = 10**9
"""A number of a call that never comes: asking for what came after it costs nothing."""

QUIET_S = 30.0


@dataclass(frozen=True, slots=True)
class World:
    """A sandbox process, looked at through its control calls, which no fault touches."""

    sandbox: SandboxProcess
    base: str
    scheme: str = "Bearer"

    def holds(self) -> dict[str, Any]:
        """Everything that the organisation holds now."""
        found: dict[str, Any] = self.sandbox.get("organization")
        return found

    def calls(self) -> int:
        """How many calls have come so far."""
        return int(self.sandbox.get(f"requests?since={NO_CALL}")["last"])

    def effects(self) -> Counter[EffectKey]:
        """How often each effect really took place since the start."""
        seen = self.sandbox.get("effects")
        counted: Counter[EffectKey] = Counter()
        for person, names in seen["people"].items():
            targets = seen["targets"].get(person, {})
            for name, count in names.items():
                if name not in targets:
                    counted[name, person, ""] += count
                for target, number in targets.get(name, {}).items():
                    counted[name, person, target] += number
        return counted

    def until_quiet(self) -> None:
        """Return when no call is under way any more, so that nothing changes of itself. Raises TimeoutError."""
        ends = time.monotonic() + QUIET_S
        while self.sandbox.get("state")["in_flight"]:
            if time.monotonic() > ends:
                raise TimeoutError(f"the sandbox works on a call for more than {QUIET_S:.0f} s")
            time.sleep(0.01)

    def settings(self, **changed: Any) -> None:
        """Change quota, window, latency, token life or quirks."""
        self.sandbox.send("PATCH", "settings", changed)

    def faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """These faults and no others."""
        self.sandbox.send("POST", "faults", list(rules))

    def arrange(self, method: str, path: str, body: Any) -> None:
        """A call of the vendor's own API by an administrator, to bring the organisation into its first state."""
        below = (self.base + path).replace("{org}", self.sandbox.organization)
        request = urllib.request.Request(
            self.sandbox.url + below,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"{self.scheme} {self.sandbox.token}", "Content-Type": "application/json"},
            method=method,
        )
        urllib.request.urlopen(request, timeout=30).close()


def facts_of(holds: Mapping[str, Any]) -> frozenset[Fact]:
    """All that is true of an organisation, as a set that can be compared."""
    return frozenset(
        (
            *_people(holds["users"]),
            *_invitations(holds["invites"]),
            *(("holds", group, user) for group, one in holds["role_groups"].items() for user in one["holders"]),
            *(permission(user, one) for user, held in holds["permissions"].items() for one in held),
            *(
                ("in", team, user, level)
                for team, one in holds["teams"].items()
                for user, level in one["members"].items()
            ),
            *_made("role group", ((one["name"], one["organization"]) for one in holds["role_groups"].values())),
            *_made("team", ((one["name"], str(one["parent"])) for one in holds["teams"].values())),
            *(allowed(client, scopes) for client, scopes in holds["allowlist"].items()),
        )
    )


def state_fact(user_id: str, *, enabled: bool, deleted: bool) -> Fact:
    """Whether an account can be used."""
    return ("account", user_id, "deleted" if deleted else "enabled" if enabled else "disabled")


def permission(user_id: str, grant: Mapping[str, Any]) -> Fact:
    """A permission in its context."""
    context = grant["context"]
    return ("may", user_id, grant["role"], *(f"{name}={context[name]}" for name in sorted(context)))


def allowed(client: str, scopes: Sequence[str] | None) -> Fact:
    """An entry of the allowlist."""
    return ("allowed", client, "all of its own" if scopes is None else ",".join(sorted(scopes)))


def invited(email: str, grants: Sequence[str] = ()) -> Fact:
    """One pending invitation of an address, and what it gives."""
    return ("invited", email.casefold(), "1", *sorted(grants))


def made(kind: str, name: str, place: str) -> Fact:
    """The one role group or team of a name in its place."""
    return (kind, name.casefold(), place, "1")


def _made(kind: str, found: Iterable[tuple[str, str]]) -> Iterator[Fact]:
    """A second one of a name makes another fact of the first: it shows as a difference."""
    copies = Counter((name.casefold(), place) for name, place in found)
    return ((kind, name, place, str(count)) for (name, place), count in copies.items())


def _people(users: Mapping[str, Mapping[str, Any]]) -> Iterator[Fact]:
    for user_id, user in users.items():
        yield state_fact(user_id, enabled=user["enabled"], deleted=user["deleted"])
        yield ("profile", user_id, *(user[name] for name in ("username", "email", "first_name", "last_name", "phone")))


def _invitations(invites: Sequence[Mapping[str, Any]]) -> Iterator[Fact]:
    """A second invitation of an address makes another fact of the first: it shows as a difference."""
    grants: dict[str, list[str]] = {}
    copies: Counter[str] = Counter()
    for invite in invites:
        address = invite["email"].casefold()
        copies[address] += 1
        given = invite["grants"]
        found = grants.setdefault(address, [])
        found += [f"role group {one['role_group_id']}" for one in given.get("role_groups", ())]
        found += [f"team {one['team_id']} {one['membership_type']}" for one in given.get("teams", ())]
    for address, count in copies.items():
        yield ("invited", address, str(count), *sorted(grants[address]))
