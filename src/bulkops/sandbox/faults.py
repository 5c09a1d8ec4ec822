"""Faults on request: which calls go wrong, and how. Decisions only; `pipeline` carries them out."""

import json
import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from bulkops.sandbox.options import SandboxError

KINDS = {
    "refuse": "connection reset before the body is read; not applied",
    "lose_before": "request read, connection dropped; not applied",
    "lose_after": "applied, connection dropped without an answer",
    "apply_late": "connection dropped without an answer, applied `seconds` later",
    "delay_before": "waits `seconds`, then applies and answers",
    "delay_after": "applies, waits `seconds`, then answers",
    "status": "answers `status` and `body`; not applied",
    "status_after": "applied, then answers `status` and `body`",
    "break_body": "applied, then answers with JSON that is cut short",
    "html": "answers 200 with a page, as a proxy does; not applied unless `applied`",
    "partial": "only `share` of a batch is applied, the rest silently skipped (half); ordinary answer",
    "reject_items": "400 for the whole batch when an item matches `items`; nothing applied",
    "redirect": "302 to `location`; not applied",
    "hang": "no answer for `seconds` (an hour); not applied",
}
DELAYS = frozenset({"delay_before", "delay_after"})
NEEDS = {
    "apply_late": "seconds",
    "delay_before": "seconds",
    "delay_after": "seconds",
    "status": "status",
    "status_after": "status",
    "reject_items": "items",
}
ITEM_KEYS = ("email", "id", "client_id", "role_id")
BATCH_FIELDS = ("usernames", "usernamesToAdd", "ids")  # where an object holds the items of a batch


@dataclass(slots=True)
class FaultRule:
    """One rule. It fires on calls that match, when its counters and its chance allow.

    method: "*" or one method. path: glob over the whole path, e.g. `*/invites`.
    body_contains: text that the raw body must hold, compared without case.
    probability: 0 to 1. after: matching calls let through first. times: how often it fires, None for always.
    seconds: of a delay or a hang, or until what was dropped is applied. share: 0 to 1.
    items: glob, or several, over addresses and ids, without case.
    """

    kind: str
    method: str = "*"
    path: str = "*"
    body_contains: str | None = None
    probability: float = 1.0
    after: int = 0
    times: int | None = None
    seconds: float = 3600.0
    status: int = 500
    body: Any = ""
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    share: float = 0.5
    items: list[str] = field(default_factory=list)
    location: str = "http://another.host.invalid/"
    applied: bool = False
    matched: int = 0
    fired: int = 0

    @classmethod
    def parse(cls, given: Any, where: str = "fault rule") -> "FaultRule":
        """Build a rule from its JSON form. Raises SandboxError that names what is wrong."""
        if not isinstance(given, Mapping):
            raise SandboxError(f"{where}: expected an object, not {type(given).__name__}")
        kind = given.get("kind")
        if kind not in KINDS:
            raise SandboxError(f"{where}: unknown kind {kind!r}; known: {', '.join(KINDS)}")
        unknown = set(given) - SETTABLE
        if unknown:
            raise SandboxError(f"{where}: unknown field {min(unknown)!r}; known: {', '.join(sorted(SETTABLE))}")
        if NEEDS.get(kind, "kind") not in given:
            raise SandboxError(f"{where}: kind {kind!r} needs {NEEDS[kind]!r}")
        return cls(**{name: _checked(name, value, where) for name, value in given.items()})

    def concerns(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path, self.path)

    def view(self) -> dict[str, Any]:
        """The rule as it was given, with its counters."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def rejects(self, body: Any) -> bool:
        """Whether an item of the body is one that this rule refuses."""
        globs = [glob.casefold() for glob in self.items]
        return any(fnmatchcase(name, glob) for name in item_names(body) for glob in globs)


SETTABLE = frozenset(f.name for f in fields(FaultRule)) - {"matched", "fired"}
_NUMBERS: dict[str, tuple[float, float]] = {"probability": (0, 1), "share": (0, 1), "seconds": (0, 86_400)}
_COUNTS: dict[str, tuple[int, int]] = {"after": (0, 10**9), "times": (1, 10**9), "status": (200, 599)}


def _checked(name: str, value: Any, where: str) -> Any:
    if name in _NUMBERS or name in _COUNTS:
        return _number(name, value, where)
    if name == "method":
        return _text(name, value, where).upper()
    if name == "items":
        globs = [value] if isinstance(value, str) else value
        if not isinstance(globs, list) or not globs or not all(isinstance(glob, str) for glob in globs):
            raise SandboxError(f"{where}: 'items' must be a glob or a list of globs")
        return list(globs)
    if name == "headers":
        if not isinstance(value, Mapping):
            raise SandboxError(f"{where}: 'headers' must be an object")
        return {str(key): str(inner) for key, inner in value.items()}
    if name == "applied":
        if not isinstance(value, bool):
            raise SandboxError(f"{where}: 'applied' must be true or false")
        return value
    return value if name == "body" else _text(name, value, where)


def _number(name: str, value: Any, where: str) -> Any:
    if name == "times" and value is None:
        return None
    whole = name in _COUNTS
    low, high = _COUNTS[name] if whole else _NUMBERS[name]
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise SandboxError(f"{where}: {name!r} must be {kind} from {low} to {high}, not {value!r}")
    return value


def _text(name: str, value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise SandboxError(f"{where}: {name!r} must be text, not {value!r}")
    return value


def batch_field(body: Any) -> str | None:
    """Where an object holds its items; None for one that is no batch, and for an array."""
    if not isinstance(body, dict):
        return None
    return next((name for name in BATCH_FIELDS if isinstance(body.get(name), list)), None)


def item_names(body: Any) -> list[str]:
    """What the items of a body are called: addresses and ids, casefolded."""
    names = []
    field = batch_field(body)
    items = body[field] if field is not None else body
    for item in items if isinstance(items, list) else [items]:
        values = [item.get(key) for key in ITEM_KEYS] if isinstance(item, Mapping) else [item]
        names += [str(value).casefold() for value in values if isinstance(value, str | int)]
    return names


class FaultBook:
    """The rules in force, in order. A call takes every delay that fires and the first other kind that fires."""

    def __init__(self, rules: Iterable[Mapping[str, Any]] = (), seed: int = 1) -> None:
        self._seed = seed
        self._rules: list[FaultRule] = []
        self._dice = random.Random(seed)
        self.replace(rules)

    def __len__(self) -> int:
        return len(self._rules)

    def add(self, kind: str, **settings: Any) -> FaultRule:
        """Add one rule; the counters of the rule returned tell what it did."""
        rule = FaultRule.parse({"kind": kind, **settings})
        self._rules.append(rule)
        return rule

    def replace(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Put these rules in the place of all others and start the dice anew. All or nothing."""
        self._rules = [FaultRule.parse(rule, f"fault rule {number}") for number, rule in enumerate(rules, 1)]
        self._dice = random.Random(self._seed)

    def clear(self) -> None:
        self._rules = []

    def view(self) -> list[dict[str, Any]]:
        return [rule.view() for rule in self._rules]

    def refusal(self, method: str, path: str) -> FaultRule | None:
        """The rule that refuses the connection before the body is read, if one fires."""
        for rule in self._rules:
            if _is_early(rule) and rule.concerns(method, path) and self._fires(rule):
                return rule
        return None

    def pick(self, method: str, path: str, raw: bytes) -> list[FaultRule]:
        """Rules that fire on a call: delays first, at most one of another kind last."""
        fired = []
        for rule in self._rules:
            if _is_early(rule) or not rule.concerns(method, path) or not _holds(rule, raw) or not self._fires(rule):
                continue
            fired.append(rule)
            if rule.kind not in DELAYS:
                break
        return fired

    def choose(self, count: int, share: float) -> list[int]:
        """Which of `count` items are applied, in their order: `share` of them, rounded up."""
        return sorted(self._dice.sample(range(count), math.ceil(count * share)))

    def _fires(self, rule: FaultRule) -> bool:
        rule.matched += 1
        if rule.matched <= rule.after or (rule.times is not None and rule.fired >= rule.times):
            return False
        if rule.probability < 1 and self._dice.random() >= rule.probability:
            return False
        rule.fired += 1
        return True


def _is_early(rule: FaultRule) -> bool:
    return rule.kind == "refuse" and rule.body_contains is None


def _holds(rule: FaultRule, raw: bytes) -> bool:
    if rule.kind == "reject_items":
        try:
            return rule.rejects(json.loads(raw))
        except ValueError:
            return False
    return rule.body_contains is None or rule.body_contains.casefold() in raw.decode(errors="replace").casefold()
