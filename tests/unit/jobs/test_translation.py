"""The export of another system as a job: columns by other names, values that become others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from bulkops.errors import JobFileError
from bulkops.jobs import (
    CheckResult,
    JobHead,
    RowValidator,
    check_file,
    inspect,
    merged_map,
    open_items,
    open_source,
)
from tests.unit.jobs.conftest import KNOWN, MODELS, Write

EXPORT = "Work E-Mail;Department;Country\nann@a.test;Sales;SE\nbo@a.test;;NO\n"
MAP = {"work e-mail": "email", "Department": "Role-Groups"}
Job = Callable[..., tuple[CheckResult, list[dict[str, Any]]]]


@pytest.fixture
def job(write: Write) -> Job:
    """Check rows under a head; what was found, and the fields of the good rows."""

    def job(
        content: str,
        name: str = "hr.csv",
        *,
        columns: Mapping[str, Any] = MAP,
        values: Mapping[str, Any] | None = None,
        defaults: Mapping[str, Any] | None = None,
        operation: str | None = "invite",
    ) -> tuple[CheckResult, list[dict[str, Any]]]:
        head = JobHead(operation=operation, defaults=defaults or {}, column_map=columns, value_map=values or {})
        source = open_source(inspect(write(content, name)), known_columns=[*KNOWN, *columns], head=head)
        rows: list[dict[str, Any]] = []

        def good(_row: int, kind: str, fields: BaseModel) -> None:
            rows.append({"operation": kind, **fields.model_dump(exclude_unset=True)})

        return check_file(source, RowValidator(MODELS, source=source), on_valid=good), rows

    return job


def told(result: CheckResult) -> list[str]:
    """Its problems in words, without the file's name."""
    return [str(replace(problem, file="")) for problem in result.problems]


def test_mapped_columns_are_read_as_their_fields(job: Job) -> None:
    """Names on both sides are compared leniently; what is left out of the map is told of at once."""
    result, rows = job(EXPORT)
    assert result.ok
    assert rows == [
        {"operation": "invite", "email": "ann@a.test", "role_groups": ["Sales"]},
        {"operation": "invite", "email": "bo@a.test"},
    ]
    assert [warning.message for warning in result.warnings] == [
        "a column is not mapped and is ignored, but carried into reports: Country"
    ]


def test_a_mistyped_column_beside_the_mapped_ones_is_still_named(job: Job) -> None:
    """A near name is more than one column too many."""
    result, _ = job("Mail,team\na@a.test,X\n", columns={"Mail": "email"})
    assert [(warning.column, warning.nearest) for warning in result.warnings] == [("team", "teams")]


def test_values_become_what_the_job_says(job: Job) -> None:
    """One value, several, or none; each once; a default fills only what is left out."""
    values = {"role_groups": {"SALES": ["Sales EU", "CRM"], "Tech": "CRM", "Interns": [], "Ex": None}}
    cells = ["sales", "Sales | Tech", "Interns", "ex", ""]
    content = "Work E-Mail;Department\n" + "".join(f"p{at}@a.test;{cell}\n" for at, cell in enumerate(cells))
    result, rows = job(content, values=values, defaults={"role_groups": ["Everyone"]})
    assert result.ok
    assert [row["role_groups"] for row in rows] == [
        ["Sales EU", "CRM"],
        ["Sales EU", "CRM"],
        [],
        ["Everyone"],
        ["Everyone"],
    ]


def test_a_star_stands_for_every_other_value(job: Job) -> None:
    """It may become something, or stay what it is."""
    content = "Work E-Mail;Department\nann@a.test;Sales\nbo@a.test; Ops \n"
    _, rows = job(content, values={"role_groups": {"Sales": "CRM", "*": "Everyone"}})
    assert [row["role_groups"] for row in rows] == [["CRM"], ["Everyone"]]
    _, rows = job(content, values={"role_groups": {"Sales": "CRM", "*": ["*", "Everyone"]}})
    assert [row["role_groups"] for row in rows] == [["CRM"], ["Ops", "Everyone"]]


def test_a_value_that_nothing_is_said_of_is_an_invalid_row(job: Job) -> None:
    """It is named with the near ones, under the column's own name; the other rows are good."""
    result, rows = job(
        "Work E-Mail;Department\nann@a.test;Sale\nbo@a.test;Sales\n", values={"role_groups": {"Sales": "CRM"}}
    )
    assert len(rows) == 1
    assert told(result) == [
        (
            ", line 2, column Department: is not among the values of role_groups (found 'Sale'); "
            "expected Sales; \"*\" in values stands for all others; did you mean 'Sales'?"
        )
    ]


def test_single_values_become_others_too(job: Job) -> None:
    """Also numbers and truths of JSON, by what they are written as."""
    content = '[{"Mail": "a@a.test", "Lead": true}, {"Mail": "b@a.test", "Lead": false}]'
    values = {"membership": {"true": "maintainer", "false": None}}
    result, rows = job(content, "hr.json", columns={"Mail": "email", "Lead": "membership"}, values=values)
    assert result.ok
    assert [row.get("membership") for row in rows] == ["maintainer", None]


def test_the_operation_may_stand_in_a_mapped_column(job: Job) -> None:
    """Joiners and leavers in one export."""
    content = "Event,Mail\nJoiner,a@a.test\nleaver,b@a.test\nMover,c@a.test\n"
    values = {"operation": {"Joiner": "invite", "Leaver": "revoke-invite"}}
    result, rows = job(content, columns={"Event": "operation", "Mail": "email"}, values=values, operation=None)
    assert [row["operation"] for row in rows] == ["invite", "revoke-invite"]
    assert told(result) == [
        (
            ", line 4, column Event: is not among the values of operation (found 'Mover'); "
            'expected Joiner or Leaver; "*" in values stands for all others'
        )
    ]


def test_a_column_may_be_mapped_to_nothing(job: Job) -> None:
    """Then its own name does not count either."""
    _, rows = job("email,Teams\na@a.test,Football\n", columns={"Teams": ""})
    assert rows == [{"operation": "invite", "email": "a@a.test"}]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (
            {"Work Mail": "email"},
            (
                "map: there is no such column; expected one of Work E-Mail, Department or Country; "
                "did you mean 'Work E-Mail'?"
            ),
        ),
        ({"Department": "role_group"}, "map: unknown field (found 'role_group'); did you mean 'role_groups'?"),
        ({"Department": ["teams"]}, "map: wrong kind of value (found '[\"teams\"]'); expected the name of a field"),
        ({"Country": "teams", "country": "teams"}, "column country: map: is mapped twice; keep one of them"),
        ({"Country": "teams", "Department": "teams"}, "Department and Country both mean teams; map all but"),
    ],
)
def test_what_is_wrong_with_a_map_is_listed_with_the_rest(job: Job, columns: dict[str, Any], problem: str) -> None:
    """Once for the file, beside what is wrong with its rows."""
    result, _ = job(
        "Work E-Mail;Department;Country\nno address;Sales;SE\n", columns={"Work E-Mail": "email", **columns}
    )
    assert any(problem in each for each in told(result)), told(result)
    assert any("is not an e-mail address" in each for each in told(result))
    assert result.file_problems >= 1


def test_a_mapped_column_beside_one_of_the_fields_own_name_is_refused(job: Job) -> None:
    """Which of the two is meant is not guessed."""
    result, _ = job("Mail,email\na@a.test,b@a.test\n", columns={"Mail": "email"})
    assert "Mail and email both mean email" in "\n".join(told(result))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"role_group": {}}, "values: unknown field (found 'role_group'); did you mean 'role_groups'?"),
        ({"role_groups": ["a"]}, "wrong kind of value (found '[\"a\"]'); expected an object such as"),
        ({"role_groups": {"A": "x", " a": "y"}}, "values: a value is named twice, case aside"),
        ({"role_groups": {"": "x"}}, "values: a value has no name: what an empty cell means stands in defaults"),
        ({"role_groups": {"A": {"b": 1}}}, "values: what A becomes is of the wrong kind"),
        (
            {"email": {"A": ["x", "y"]}},
            ('values: what A becomes is of the wrong kind (found \'["x", "y"]\'); expected one value, or null'),
        ),
    ],
)
def test_what_is_wrong_with_values_is_listed_with_the_rest(job: Job, values: dict[str, Any], problem: str) -> None:
    """Once for the file."""
    result, _ = job(EXPORT, values=values)
    assert any(problem in each for each in told(result)), told(result)
    assert result.file_problems >= 1


def test_a_missing_field_names_the_column_that_may_mean_it(job: Job) -> None:
    """As without a map."""
    result, _ = job("E Mail,Department\na@a.test,Sales\n", columns={"Department": "teams"})
    assert told(result) == [
        (
            ", line 1, column email: invite needs a column email; the file only has E Mail and Department; "
            "did you mean 'E Mail'?"
        )
    ]


def test_json_lines_are_mapped_alike(job: Job) -> None:
    """Their columns are known after one reading; a field of the map that no item has is an error."""
    content = '{"Mail": "a@a.test"}\n{"Mail": "b@a.test", "Dept": "X"}\n'
    result, rows = job(content, "hr.jsonl", columns={"Mail": "email", "Dept": "teams"})
    assert result.ok
    assert rows[1]["teams"] == ["X"]
    result, _ = job(content, "hr.jsonl", columns={"Mail": "email", "Dep": "teams"})
    assert "did you mean 'Dept'?" in told(result)[0]


def test_the_command_line_wins_for_a_column_and_for_a_field() -> None:
    """What it says nothing of is left to the file."""
    of_file = {"Work Mail": "email", "Dept": "teams", "Site": None}
    assert merged_map(of_file, {"Private Mail": "email", "work-mail": ""}) == {
        "Dept": "teams",
        "Site": None,
        "Private Mail": "email",
        "work-mail": "",
    }


def test_a_job_may_name_the_file_of_its_rows(write: Write) -> None:
    """What it says besides holds for those rows, and a job of its own is not a file of rows."""
    path = write('{"operation": "invite", "map": {"Mail": "email"}, "items_from": "hr.csv"}', "job.json")
    named = open_source(inspect(path))
    assert named.head.items_from == "hr.csv"
    source = open_items(inspect(write("Mail\na@a.test\n", "hr.csv")), head=named.head)
    assert check_file(source, RowValidator(MODELS, source=source)).ok
    with pytest.raises(JobFileError, match="is a job of its own"):
        open_items(inspect(path), head=named.head)
    with pytest.raises(JobFileError, match='both "items" and "items_from"'):
        open_source(inspect(write('{"items": [], "items_from": "x"}', "two.json")))


def test_a_map_in_the_options_of_a_file_counts(write: Write) -> None:
    """It is taken out of the options, which hold nothing unknown then."""
    path = write('{"options": {"rate": "5/s", "map": {"Mail": "email"}}, "items": [{"Mail": "a@a.test"}]}', "job.json")
    head = open_source(inspect(path)).head
    assert (head.options, head.column_map) == ({"rate": "5/s"}, {"Mail": "email"})
