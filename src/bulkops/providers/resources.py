"""What a provider's organisation holds that can be listed as a table, and what each row may be used for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from bulkops.paging import Page, PageWalk, Position
from bulkops.providers.listing import Listing

__all__ = ["Cell", "Column", "Join", "Keyed", "Kind", "Record", "Resource", "columns"]

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


def columns(names: str, **kinds: Kind) -> tuple[Column, ...]:
    """Columns in their order: those in `names` are texts unless `kinds` says more."""
    return tuple(Column(name, kinds.get(name, Kind.TEXT)) for name in names.split())


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


class Keyed:
    """A listing whose rows are records already, told apart by some of their columns."""

    def __init__(self, listing: Listing[Record], *key: str) -> None:
        self.resource = listing.resource
        self.max_limit = listing.max_limit
        self._listing = listing
        self._key = key

    def paging(self) -> PageWalk:
        """As the listing's own."""
        return self._listing.paging()

    async def page(self, at: Position, limit: int) -> Page[Record]:
        """As the listing's own."""
        return await self._listing.page(at, limit)

    def identity(self, row: Record) -> Hashable:
        """The columns of its key."""
        return row[self._key[0]] if len(self._key) == 1 else tuple(row[name] for name in self._key)
