"""What a provider's organisation holds that can be listed as a table, and what each row may be used for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from bulkops.providers.listing import Listing

__all__ = ["Cell", "Column", "Join", "Kind", "Record", "Resource"]

Cell = str | int | bool | tuple[str, ...] | None
"""A value: dates are texts, ISO 8601 in UTC; None is a value that is not there."""

Record = Mapping[str, Cell]
"""One row by the names of its columns. A column that is joined is missing until somebody joins it."""


class Kind(Enum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    FLAG = "boolean"
    TEXTS = "list"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. Whatever is no column is neither kept nor shown: secrets have none."""

    name: str
    kind: Kind = Kind.TEXT
    about: str = ""


@dataclass(frozen=True, slots=True)
class Join:
    """A column that costs a reading of its own: the lists in another resource that a row stands in.

    A row has the `gives` of each row of `resource` whose column `by` is what this one has in `on`.
    """

    resource: str
    by: str
    gives: str
    on: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that an organisation has many of.

    `columns` is all that a row may say; `key` are those that tell two rows apart. `listing` gives the listing of its
    records, for one row of the resource `within` where that is named (it is read for each of them), else for None.
    `feeds` says which fields of operations a row can fill, by column. `joins` are the columns that are read only when
    somebody asks for them. A `root_only` one is not there in a business group or the like.
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    listing: Callable[[Record | None], Listing[Record]]
    within: str = ""
    feeds: Mapping[str, str] = field(default_factory=dict)
    joins: Mapping[str, Join] = field(default_factory=dict)
    root_only: bool = False

    @property
    def schema(self) -> Mapping[str, Kind]:
        """Its columns by name."""
        return {column.name: column.kind for column in self.columns}

    @property
    def plain(self) -> tuple[str, ...]:
        """The names of the columns that cost nothing more."""
        return tuple(column.name for column in self.columns if column.name not in self.joins)
