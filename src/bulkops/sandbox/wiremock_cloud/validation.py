"""Checks of bodies and page numbers, and the vendor's three forms of an error."""

import json
from typing import Any

from bulkops.sandbox.calls import Call, RefusalError, answer_json, answer_text, refuse

TYPES: dict[str, type] = {"object": dict, "string": str}


def errors(status: int, title: str, detail: str = "") -> RefusalError:
    """`{errors: [{title, detail?, source}]}`: the form of 400, 403, 409 and 422."""
    error: dict[str, Any] = {"title": title, **({"detail": detail} if detail else {}), "source": {}}
    return refuse(answer_json({"errors": [error]}, status))


def unauthorized() -> RefusalError:
    """401 in plain text."""
    return refuse(answer_text("Credentials are required to access this resource.", 401))


def forbidden() -> RefusalError:
    return errors(403, "Forbidden")


def not_found() -> RefusalError:
    """404 `{code, message}`."""
    return refuse(answer_json({"code": 404, "message": "HTTP 404 Not Found"}, 404))


def unprocessable(detail: str) -> RefusalError:
    """422, the answer to a body of the wrong shape."""
    return errors(422, "Invalid JSON", detail)


def parse_json(call: Call) -> Any:
    """The body as JSON; None when there is none. Raises 415 or 422."""
    if not call.raw:
        return None
    if not call.headers.get("Content-Type", "").lower().startswith("application/json"):
        raise refuse(answer_json({"code": 415, "message": "HTTP 415 Unsupported Media Type"}, 415))
    try:
        return json.loads(call.raw)
    except ValueError:
        raise unprocessable("the request body is not JSON") from None


def member(value: Any, pointer: str, kind: str) -> Any:
    """The last name of the pointer out of an object. Raises 422 when it is missing or of another type."""
    name = pointer.rpartition("/")[2]
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, TYPES[kind]):
        raise unprocessable(f"json pointer {pointer} not present; it is required and must have json type {kind}")
    return found


def optional(value: dict[str, Any], pointer: str) -> str | None:
    """The same for a text that may be null or left out."""
    return None if value.get(pointer.rpartition("/")[2]) is None else str(member(value, pointer, "string"))


def one_of(value: Any, pointer: str, choices: tuple[str, ...]) -> str:
    """The same for a text with a closed list of values."""
    found = str(member(value, pointer, "string"))
    if found not in choices:
        raise unprocessable(f"json pointer {pointer} must be one of {', '.join(choices)}")
    return found


def positive(call: Call, name: str, default: int) -> int:
    """A whole number of at least 1 out of the query."""
    text = call.first(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise errors(400, "Invalid query parameter format", f"The {name} parameter value must be a positive integer")
    return int(text)
