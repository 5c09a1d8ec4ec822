"""A job on a schedule, wherever it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bulkops.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be run, where and when. `every` is cron's five fields, `folder` the working directory."""

    name: str
    every: str
    folder: str
    command: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"name": self.name, "every": self.every, "folder": self.folder, "command": list(self.command)}

    @classmethod
    def of_dict(cls, found: Mapping[str, Any]) -> Entry:
        """What `as_dict` gave. Raises KeyError or TypeError for anything else."""
        return cls(str(found["name"]), str(found["every"]), str(found["folder"]), tuple(map(str, found["command"])))


def refuse_control(words: Iterable[str]) -> None:
    """Raises ConfigError for a word that would break out of its line."""
    for word in words:
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in word) or word != word.strip():
            raise ConfigError(f"{word!r} cannot stand in a schedule: it has control characters, or blanks at an end")
