"""What is wanted of an export: checked against what the target has, before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bulkops.errors import UsageError
from bulkops.jobs.filters import ColumnType, Filter, parse_filter
from bulkops.jobs.names import nearest
from bulkops.providers.resources import Kind, Resource
from bulkops.wiring.targets import Overrides

KINDS: Mapping[Kind, ColumnType] = {
    Kind.TEXT: ColumnType.TEXT,
    Kind.TEXTS: ColumnType.TEXTS,
    Kind.NUMBER: ColumnType.NUMBER,
    Kind.FLAG: ColumnType.FLAG,
    Kind.DATE: ColumnType.DATE,
}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What the command line says. `out` is None for standard output; `deadline` is in epoch seconds."""

    resource: str
    target: str | None = None
    format: str = "csv"
    out: Path | None = None
    columns: str | None = None
    where: str | None = None
    allow_incomplete: bool = False
    raw: bool = False
    overrides: Overrides = field(default_factory=Overrides)
    deadline: float | None = None
    log_level: str = "warning"
    log_format: str = "console"


@dataclass(frozen=True, slots=True)
class Wish:
    """A resource, the columns of the table by the name at their head, and which rows are meant."""

    resource: Resource
    columns: Mapping[str, str]
    where: Filter | None

    @property
    def needs(self) -> set[str]:
        """All columns that have to be there, also to ask the filter."""
        return {*self.columns.values(), *(self.where.reads if self.where is not None else ())}


def wish_of(options: ExportOptions, resources: Mapping[str, Resource]) -> Wish:
    """What `options` ask for. Raises UsageError for an unknown name, with the nearest one; FilterError."""
    if options.resource not in resources:
        raise UsageError(_unknown("resource", options.resource, resources))
    resource = resources[options.resource]
    schema = {name: KINDS[kind] for name, kind in resource.schema.items()}
    where = parse_filter(options.where, schema) if options.where else None
    return Wish(resource, _columns(options.columns, resource), where)


def _columns(text: str | None, resource: Resource) -> Mapping[str, str]:
    """`id,email` or `user=id,email`; all that cost nothing more where nothing is said."""
    if text is None:
        return {name: name for name in resource.plain}
    found: dict[str, str] = {}
    for part in (one.strip() for one in text.split(",")):
        name, _, source = (piece.strip() for piece in part.partition("="))
        source = source or name
        if source not in resource.schema:
            raise UsageError("--columns: " + _unknown("column", source, resource.schema))
        if name in found:
            raise UsageError(f"--columns: {name!r} is there twice")
        found[name] = source
    return found


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"no {what} {name!r}" + (f"; did you mean {near!r}?" if near else f"; there are: {', '.join(known)}")
