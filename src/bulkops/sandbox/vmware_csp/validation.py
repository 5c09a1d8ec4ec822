"""Refusals, and checks of bodies and parameters."""

import json
import re
from collections.abc import Mapping
from typing import Any

from bulkops.sandbox.calls import Call

AUTH_MODULE = 340  # what the vendor names with a bad API token
MODULE = 540


class CspError(Exception):
    """Ends a call with an error; nothing was applied. `respond` in `desk` gives it its look."""

    def __init__(self, status: int, message: str, module: int = MODULE) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.module = module


def bad_request(message: str) -> CspError:
    return CspError(400, message)


def not_found(message: str) -> CspError:
    return CspError(404, message)


def parse_json(call: Call) -> Any:
    """The body as JSON; None when there is none. Raises 415 or 400."""
    if not call.raw:
        return None
    if not call.headers.get("Content-Type", "").lower().startswith("application/json"):
        raise CspError(415, "Content type not supported")
    try:
        return json.loads(call.raw)
    except ValueError:
        raise bad_request("Malformed JSON request") from None


def require_object(value: Any, what: str = "The request body") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_request(f"{what} must be an object")
    return value


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects; absent and null are an empty one."""
    return [require_object(item, f"An entry of {name}") for item in _list(body, name)]


def strings(body: Mapping[str, Any], name: str, *, required: bool = False) -> list[str]:
    """A list of non-empty strings. `required`: at least one."""
    found = _list(body, name)
    if not all(isinstance(item, str) and item for item in found):
        raise bad_request(f"{name} must hold non-empty strings")
    if required and not found:
        raise bad_request(f"{name} must not be empty")
    return found


def unique(found: list[str], name: str, most: int | None = None) -> list[str]:
    """The same list. Raises a 400 for a repeated entry or more than `most`."""
    if most is not None and len(found) > most:
        raise bad_request(f"{name} must have at most {most} entries")
    if len(set(found)) < len(found):
        raise bad_request(f"{name} must have unique entries")
    return found


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    found = body.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise bad_request(f"{name} must be an array")
    return found


def text(body: Mapping[str, Any], name: str, most: int | None = None) -> str | None:
    found = body.get(name)
    if found is None:
        return None
    if not isinstance(found, str) or (most is not None and len(found) > most):
        raise bad_request(f"{name} must be a string" + ("" if most is None else f" of at most {most} characters"))
    return found


def flag(body: Mapping[str, Any], name: str, default: bool) -> bool:
    found = body.get(name, default)
    if not isinstance(found, bool):
        raise bad_request(f"{name} must be a boolean")
    return found


def whole(body: Mapping[str, Any], name: str, default: int | None, least: int = 0, most: int | None = None) -> Any:
    """A whole number within its bounds, or the default."""
    found = body.get(name)
    if found is None:
        return default
    if isinstance(found, bool) or not isinstance(found, int) or found < least or (most is not None and found > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise bad_request(f"{name} must be a whole number, {bounds}")
    return found


def parameter(call: Call, name: str, default: int) -> int:
    """A whole number of at least 1 in the query."""
    found = call.first(name)
    if found is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", found) or int(found) < 1:
        raise bad_request(f"{name} must be a whole number of at least 1")
    return int(found)


def boolean(call: Call, name: str) -> bool:
    """A boolean of the query; false when absent."""
    found = call.first(name) or "false"
    if found not in ("true", "false"):
        raise bad_request(f"{name} must be boolean")
    return found == "true"


def check_address(address: str) -> None:
    local, _, domain = address.rpartition("@")
    if not local or not domain or any(letter.isspace() for letter in address):
        raise bad_request(f"Invalid username: {address}")
