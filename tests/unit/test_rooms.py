"""Imports go up the table of rooms, never down: read from the import statements themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkops.wiring import ADAPTERS

SOURCE = Path(__file__).parents[2] / "src" / "bulkops"
EVERYWHERE = {"errors", "model"}
COMMON = {"cloud"}
"""Parts of providers' names that are words of their own."""

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "model": set(),
    "policy": set(),
    "paging": set(),
    "transport": {"policy"},
    "providers": {"transport", "paging"},
    "operations": {"providers.base"},
    "ledger": set(),
    "jobs": set(),
    "fetch": {"paging", "ledger.base", "providers.base", "providers.listing", "providers.resources"},
    "planning": {"policy", "operations.base", "providers.base", "fetch"},
    "engine": {"policy", "ledger.base", "operations.base", "providers.base", "planning"},
    "reports": {"ledger.base"},
    "config": set(),
    "wiring": {
        *("policy", "paging", "transport", "providers", "operations", "ledger", "jobs", "fetch", "planning"),
        *("engine", "reports", "config"),
    },
    "cli": {"wiring", "config", "reports"},
    "sandbox": set(),
    "__main__": {"cli"},
    "testing": {
        *("policy", "paging", "transport", "providers", "operations", "ledger", "jobs", "fetch", "planning"),
        *("engine", "reports", "config", "wiring", "sandbox"),
    },
}


def room_of(path: Path) -> str:
    """The room that a source file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    """Each module of ours that a file imports, without the leading `bulkops.`, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bulkops"):
            yield from _imported_from(node)
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("bulkops.") for alias in node.names if alias.name.startswith("bulkops"))


def _imported_from(node: ast.ImportFrom) -> Iterator[str]:
    if node.module == "bulkops":  # a room by its name, or the package's version
        yield from (alias.name for alias in node.names if not alias.name.startswith("__"))
    else:
        yield (node.module or "").removeprefix("bulkops.")


def allowed(room: str, module: str) -> bool:
    """Whether `room` may import `module`."""
    target = module.split(".", 1)[0]
    if target == room or (
        target in EVERYWHERE and room not in {"errors", "sandbox"} and (room, target) != ("model", "model")
    ):
        return room != "model" or target in {"errors", "model"}
    return any(module == known or module.startswith(f"{known}.") for known in MAY_IMPORT[room])


NAMELESS = {
    *("engine", "ledger", "policy", "reports", "cli"),
    *("operations", "planning", "fetch", "jobs", "model", "paging", "transport", "errors"),
}
"""Rooms in which no provider is known by its name: what holds for one alone is the provider's own business."""


def names_of(path: Path) -> list[str]:
    """The providers that a file names, in code, text or comment; also by the part that people say."""
    text = path.read_text(encoding="utf-8").casefold()
    names = {part for name in ADAPTERS for part in (name, name.replace("-", "_"), *name.split("-"))} - COMMON
    return sorted(name for name in names if re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", text))


FILES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py" or path.parent != SOURCE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_imports_only_what_the_table_allows(path: Path) -> None:
    """A file that imports a room below its own, or one beside it, fails here by name."""
    wrong = [module for module in imports_of(path) if not allowed(room_of(path), module)]
    assert not wrong, f"{path.relative_to(SOURCE)} may not import {', '.join(wrong)}"


def test_every_room_is_in_the_table() -> None:
    """A new room says what it may import before it imports anything."""
    assert {room_of(path) for path in FILES} <= set(MAY_IMPORT)


def test_the_check_sees_a_wrong_import() -> None:
    """The rule itself is not empty: a policy that imports the engine is refused."""
    assert not allowed("policy", "engine")
    assert not allowed("operations", "providers.anypoint")
    assert allowed("operations", "providers.base")
    assert not allowed("sandbox", "errors")


@pytest.mark.parametrize(
    "path", [path for path in FILES if room_of(path) in NAMELESS], ids=lambda path: str(path.relative_to(SOURCE))
)
def test_no_provider_is_named_where_all_are_alike(path: Path) -> None:
    """A name there would be a special case."""
    assert names_of(path) == []


def test_the_check_sees_a_name(tmp_path: Path) -> None:
    """In whichever form, and not within another word."""
    file = tmp_path / "some.py"
    file.write_text("# as Anypoint does\nkind = 'vmware-csp'\nimport wiremock_cloud, cloudy\n", encoding="utf-8")
    assert names_of(file) == ["anypoint", "csp", "vmware", "vmware-csp", "wiremock", "wiremock_cloud"]
