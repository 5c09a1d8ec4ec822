"""Every code that can end up in the `_error` column is explained: the source is read for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bulkops
from bulkops.operations import OPERATIONS
from bulkops.reports import codes
from bulkops.reports.codes import explain

SOURCE = Path(bulkops.__file__).parent
ROOMS = ("errors.py", "model", "transport", "providers", "operations", "planning", "engine", "reports", "wiring")
POSITIONS = {"skip": 1, "invalid": 1, "skipped": 0, "failed": 0, "in_doubt": 0}
"""Which argument of these constructors of Decision and Outcome is the code."""
KINDS = ("role_group", "team", "role", "organization", "environment")
"""What a family of codes that ends in a kind may end in."""


def produced() -> set[str]:
    """All codes, `*` standing for what is filled in."""
    files = [path for room in ROOMS for path in ([SOURCE / room] if "." in room else (SOURCE / room).rglob("*.py"))]
    found = {code for path in files for node in ast.walk(ast.parse(path.read_text())) for code in codes_in(node, path)}
    return found - {""}


def codes_in(node: ast.AST, path: Path) -> Iterator[str]:
    """The codes that one node of a syntax tree makes."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="Decision" | "Outcome"), attr=name), args=args) if (
            name in POSITIONS
        ):
            yield from texts(args[POSITIONS[name]], path)
        case ast.Call(func=ast.Name(id="cls"), args=[ast.Attribute(value=ast.Name(id="Fate")), _, code, *_]):
            yield from texts(code, path)
        case ast.keyword(arg="code", value=value):
            yield from texts(value, path)
        case ast.Assign(targets=[ast.Name(id="code")], value=value):
            yield from texts(value, path)
        case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id="code"), _])], value=ast.Tuple(elts=[first, _])):
            yield from texts(first, path)
        case ast.FunctionDef(name="_code"):
            yield from (
                one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )


def texts(node: ast.expr, path: Path) -> Iterator[str]:
    """What an expression for a code may be. One that is handed on from elsewhere is found there."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*texts(body, path), *texts(orelse, path))
        case ast.BoolOp(values=values):
            yield from (text for value in values for text in texts(value, path))
        case ast.Name() | ast.Attribute() | ast.Call() | ast.Constant():
            return
        case _:
            pytest.fail(f"{path.name}, line {node.lineno}: a code that this test cannot read")


FAMILIES = {
    "already_*": ("already_enabled", "already_disabled"),
    "external_*": ("external_team",),
    "unknown_*": tuple(f"unknown_{kind}" for kind in KINDS),
    "ambiguous_*": tuple(f"ambiguous_{kind}" for kind in KINDS),
}


def test_every_code_of_the_source_is_explained() -> None:
    """A code without words would stand in a report as a riddle."""
    for code in produced():
        for one in FAMILIES.get(code, (code,)):
            assert "*" not in one, f"{code} is a family that this test does not know"
            assert explain(one).meaning != one, f"{code} has no meaning in reports/codes.py"


def test_no_code_is_explained_that_nothing_produces() -> None:
    """What the table has and the source has not is a code of the past."""
    known = {one for code in produced() for one in FAMILIES.get(code, (code,))}
    assert set(codes._CODES) <= known


@pytest.mark.parametrize("code", sorted(codes._CODES))
def test_words_are_whole_sentences(code: str) -> None:
    """Meaning and advice stand in tables and on pages, one after the other."""
    explained = codes._CODES[code]
    assert explained.meaning[0].isupper()
    assert explained.meaning.endswith(".")
    assert not explained.advice or explained.advice.endswith(".")


def test_advice_names_no_operation_that_is_not_there() -> None:
    """Whoever follows an advice finds the command."""
    text = " ".join(one.advice for one in codes._CODES.values())
    named = {word.strip(".,;") for word in text.split() if "-" in word and not word.startswith("-")}
    assert named - {"sign-in"} <= set(OPERATIONS)
