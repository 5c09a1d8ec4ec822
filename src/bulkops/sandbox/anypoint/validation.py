"""Checks of bodies and page numbers, with the error shapes of the vendor.

Declared bodies are checked as the Osprey library checks a RAML type: required fields, sizes, and no extra fields
where the type closes itself; the answer lists every error. Other bodies are checked for their types only.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bulkops.sandbox.anypoint.quirks import Quirks
from bulkops.sandbox.calls import Answer, Call, RefusalError, answer_empty, answer_json, refuse

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A declared type. `least` and `most`: characters of a string, items of an array, pairs of an object."""

    type: str
    required: tuple[str, ...] = ()
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    closed: bool = False
    items: "Shape | None" = None
    values: "Shape | None" = None
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    nullable: bool = False


NAME = Shape("string", least=1, most=255)
TEXT = Shape("string")
FLAG = Shape("boolean")
CONTEXT = Shape("object", values=Shape("string"), most=7)
ROLE_GRANT = Shape(
    "object", required=("role_id", "context_params"), fields={"role_id": NAME, "context_params": CONTEXT}, closed=True
)
MEMBERSHIP = Shape("string", choices=("member", "maintainer"))


def problems(value: Any, shape: Shape, path: str = "") -> Iterator[dict[str, Any]]:
    """Every way in which a value departs from its shape, as Osprey lists them."""
    if value is None and shape.nullable:
        return
    if not isinstance(value, TYPES[shape.type]) or (isinstance(value, bool) and shape.type != "boolean"):
        yield _problem(path, "type", shape.type, value, f"should be {shape.type}")
    elif isinstance(value, dict):
        yield from _object_problems(value, shape, path)
    elif isinstance(value, list):
        yield from _size_problems(value, len(value), "Items", shape, path)
        if shape.items is not None:
            for index, item in enumerate(value):
                yield from problems(item, shape.items, f"{path}[{index}]")
    elif isinstance(value, str):
        yield from _size_problems(value, len(value), "Length", shape, path)
        if shape.choices and value not in shape.choices:
            allowed = list(shape.choices)
            yield _problem(path, "enum", allowed, value, "should be equal to one of the allowed values")


def _object_problems(value: dict[str, Any], shape: Shape, path: str) -> Iterator[dict[str, Any]]:
    for name in shape.required:
        if name not in value:
            yield _problem(f"{path}.{name}", "required", True, None, f"should have required property '{name}'")
    yield from _size_problems(value, len(value), "Properties", shape, path)
    for name, inner in value.items():
        expected = shape.fields.get(name, shape.values)
        if expected is not None:
            yield from problems(inner, expected, f"{path}.{name}")
        elif shape.closed:
            message = "should NOT have additional properties"
            yield _problem(f"{path}.{name}", "additionalProperties", False, inner, message)


def _size_problems(value: Any, size: int, what: str, shape: Shape, path: str) -> Iterator[dict[str, Any]]:
    noun = "characters" if what == "Length" else what.lower()
    if shape.least is not None and size < shape.least:
        yield _problem(path, f"min{what}", shape.least, value, f"should NOT have fewer than {shape.least} {noun}")
    if shape.most is not None and size > shape.most:
        yield _problem(path, f"max{what}", shape.most, value, f"should NOT have more than {shape.most} {noun}")


def _problem(path: str, keyword: str, schema: Any, data: Any, message: str) -> dict[str, Any]:
    shown = data if isinstance(data, str | int | float | bool) or data is None else None
    return {
        "type": "json",
        "dataPath": path,
        "keyword": keyword,
        "schema": schema,
        "data": shown,
        "message": message,
    }


def bad_request(message: str) -> RefusalError:
    """400 `{status, message}`."""
    return refuse(answer_json({"status": 400, "message": message}, 400))


def not_found(message: str = "") -> RefusalError:
    """404, without a body unless there is something to say."""
    return refuse(answer_json({"status": 404, "message": message}, 404) if message else answer_empty(404))


def check(value: Any, shape: Shape) -> None:
    """Raises a 400 that lists every error."""
    errors = list(problems(value, shape))
    if errors:
        raise refuse(answer_json({"errors": errors}, 400))


def check_guessed(value: Any, shape: Shape) -> None:
    """The same for a body without a declared type: one sentence for the first error."""
    for problem in problems(value, shape):
        raise bad_request(f"Invalid request body: {problem['dataPath'] or 'body'} {problem['message']}")


def parse_json(call: Call, quirks: Quirks) -> Any:
    """The body as JSON; None when there is none. Raises 413, 415 or 400."""
    if len(call.raw) > quirks.body_cap_bytes:
        raise refuse(_too_large(quirks))
    if not call.raw:
        return None
    if not call.headers.get("Content-Type", "").lower().startswith("application/json"):
        raise refuse(answer_empty(415))
    try:
        return json.loads(call.raw)
    except ValueError:
        raise bad_request("Unexpected token in JSON body") from None


def _too_large(quirks: Quirks) -> Answer:
    status = quirks.body_cap_status
    return answer_json({"status": status, "message": "request entity too large"}, status)


def whole_number(call: Call, name: str, default: int) -> int:
    text = call.first(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise bad_request(f"Query parameter '{name}' should be an integer of 0 or more")
    return int(text)


def boolean(call: Call, name: str, default: bool) -> bool:
    text = call.first(name)
    if text is None:
        return default
    if text not in ("true", "false"):
        raise bad_request(f"Query parameter '{name}' should be boolean")
    return text == "true"


def one_of(call: Call, name: str, choices: tuple[str, ...]) -> str:
    """A parameter with a closed list of values, the first of which is the default."""
    text = call.first(name) or choices[0]
    if text not in choices:
        raise bad_request(f"Query parameter '{name}' should be one of {', '.join(choices)}")
    return text


def window(call: Call, quirks: Quirks, default: int = 25, largest: int = 500) -> slice:
    """The rows that offset and limit ask for."""
    offset = whole_number(call, "offset", 0)
    limit = whole_number(call, "limit", default)
    if limit > largest and quirks.limit_over_max == "reject":
        raise bad_request(f"Query parameter 'limit' should be at most {largest}")
    return slice(offset, offset + min(limit, largest))
