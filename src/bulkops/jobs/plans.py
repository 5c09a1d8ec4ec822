"""How the rows of one operation become instances of its model."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bulkops.jobs.names import canonical

_LISTS = (list, tuple, set, frozenset)


@dataclass(slots=True)
class Plan:
    """What is known about one operation before its first row.

    `fields` maps canonical names to the model's own; `lists` are those a cell is split for; `slots` maps each column
    seen so far to its field, "" for a column that is not read. `picks` and `splits` are, once a CSV row was seen, the
    columns to take as they are and those to split, each with its field.
    """

    operation: str
    check: Callable[[dict[str, Any]], BaseModel]
    fields: Mapping[str, str]
    lists: frozenset[str]
    defaults: Mapping[str, Any]
    slots: dict[str, str] = field(default_factory=dict)
    picks: list[tuple[str, str]] | None = None
    splits: list[tuple[str, str]] = field(default_factory=list)


def make_plan(operation: str, model: type[BaseModel], defaults: Mapping[str, Any]) -> Plan:
    """The plan for `operation`. Of `defaults`, by the names in the file, those the model knows are kept."""
    infos = {_key(name, info): info for name, info in model.model_fields.items()}
    fields = {canonical(key): key for key in infos}
    known = {fields[canonical(name)]: value for name, value in defaults.items() if canonical(name) in fields}
    lists = frozenset(key for key, info in infos.items() if _is_list(info.annotation))
    return Plan(operation, model.__pydantic_validator__.validate_python, fields, lists, known)


def _key(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
    return alias or name


def _is_list(annotation: Any) -> bool:
    """Whether a field of this type holds several values, also behind Optional, Annotated and type aliases."""
    if hasattr(annotation, "__value__"):
        return _is_list(annotation.__value__)
    origin = get_origin(annotation)
    if origin is Annotated:
        return _is_list(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return any(_is_list(each) for each in get_args(annotation))
    kind = origin or annotation
    return isinstance(kind, type) and (
        issubclass(kind, _LISTS) or (issubclass(kind, Collection) and not issubclass(kind, (str, bytes, Mapping)))
    )


def split(text: str, separator: str) -> list[str]:
    """The trimmed parts of a cell, without empty ones; a JSON array of texts is read as what it is."""
    if text.startswith('["') and (parts := _array(text)) is not None:
        return parts
    if separator not in text:
        return [part] if (part := text.strip()) else []
    return [part for each in text.split(separator) if (part := each.strip())]


def _array(text: str) -> list[str] | None:
    """What reports write where a part holds the separator itself; None for whatever only looks like it."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    good = all(isinstance(value, str) and value.isprintable() for value in values)
    return trimmed(values) if good else None


def trimmed(values: Iterable[Any]) -> list[Any]:
    """A JSON list with its texts trimmed and the empty ones dropped."""
    try:
        return [part for each in values if (part := each.strip())]
    except AttributeError:
        stripped = [each.strip() if isinstance(each, str) else each for each in values]
        return [each for each in stripped if each != ""]
