"""What really happened to people: the sandbox's own count, kept apart from what it answered."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that took effect.

    key: address of an invite, username of an account, client id of an allowlist entry, id of a team, name of a new
        role group or team.
    target: the role group, team or permission concerned, the place of something new, "" for none.
    user_id: set when `key` is a username.
    """

    name: str
    key: str
    target: str = ""
    user_id: str | None = None


class EffectBook:
    """Counts by name, by person, and by person and target."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._people: dict[str, Counter[str]] = {}
        self._user_ids: dict[str, str] = {}
        self._targets: Counter[tuple[str, str, str]] = Counter()

    def add(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            key = effect.key.casefold()
            self.totals[effect.name] += 1
            self._people.setdefault(key, Counter())[effect.name] += 1
            if effect.target:
                self._targets[key, effect.name, effect.target] += 1
            if effect.user_id is not None:
                self._user_ids[key] = effect.user_id

    def clear(self) -> None:
        self.totals.clear()
        self._people.clear()
        self._user_ids.clear()
        self._targets.clear()

    def count(self, name: str, key: str | None = None) -> int:
        """How often `name` took effect, in all or on one person."""
        if key is None:
            return self.totals[name]
        return self._people.get(key.casefold(), Counter())[name]

    def person(self, key: str) -> dict[str, int]:
        return dict(self._people.get(key.casefold(), {}))

    def view(self, effect: str | None = None) -> dict[str, Any]:
        """The whole count, or that of one effect.

        `{"totals": {name: n}, "people": {key: {name: n}}, "user_ids": {username: id},
        "targets": {key: {name: {target: n}}}}`; every key is casefolded.
        """
        people = {key: _only(counts, effect) for key, counts in self._people.items()}
        people = {key: counts for key, counts in people.items() if counts}
        targets: dict[str, dict[str, dict[str, int]]] = {}
        for (key, name, target), count in self._targets.items():
            if effect is None or name == effect:
                targets.setdefault(key, {}).setdefault(name, {})[target] = count
        return {
            "totals": _only(self.totals, effect),
            "people": people,
            "user_ids": {key: user_id for key, user_id in self._user_ids.items() if key in people},
            "targets": targets,
        }


def _only(counts: Counter[str], effect: str | None) -> dict[str, int]:
    return {name: count for name, count in counts.items() if effect is None or name == effect}
