"""Checking rows against the models of their operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from bulkops.errors import JobFileError
from bulkops.jobs import CheckResult, JobSource, RowMarks, RowValidator, check_file
from bulkops.model import Row, RowSet

Check = Callable[..., CheckResult]
Open = Callable[..., JobSource]


def told(result: CheckResult) -> list[str]:
    """Each problem without the file's folder."""
    return [str(problem).rpartition("/")[2] for problem in result.problems]


def warned(result: CheckResult) -> list[str]:
    return [str(warning).rpartition("/")[2] for warning in result.warnings]


@pytest.fixture
def fields(check: Check) -> Callable[..., list[dict[str, Any]]]:
    """The fields of each valid row, as far as the row set them."""

    def fields(content: str, name: str = "jobs.csv", operation: str | None = "invite") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def keep(_row: int, _operation: str, item: BaseModel) -> None:
            found.append(item.model_dump(exclude_unset=True))

        result = check(content, name, operation=operation, on_valid=keep)
        assert result.ok, told(result)
        return found

    return fields


Fields = Callable[..., list[dict[str, Any]]]


def test_good_rows_become_fields_of_their_operation(fields: Fields) -> None:
    """Texts are trimmed, empty cells are absent, numbers are numbers."""
    assert fields("email,membership,days\n a@b.c ,,7\nd@e.f,maintainer,\n") == [
        {"email": "a@b.c", "days": 7},
        {"email": "d@e.f", "membership": "maintainer"},
    ]


@pytest.mark.parametrize(("delimiter", "separator"), [(",", ";"), ("\t", ";"), ("|", ";"), (";", "|")])
def test_lists_in_a_cell_are_parted(fields: Fields, delimiter: str, separator: str) -> None:
    """By the bar where the semicolon parts cells; empty parts are dropped."""
    row = f"a@b.c{delimiter} x {separator}{separator} y z{separator}{delimiter}{separator}"
    assert fields(f"email{delimiter}role_groups{delimiter}teams\n{row}\n") == [
        {"email": "a@b.c", "role_groups": ["x", "y z"]}
    ]


def test_json_gives_lists_or_text_to_part(fields: Fields) -> None:
    """Their texts are trimmed; null and empty text are absent, an empty list is a list."""
    content = '[{"email": " a@b.c", "role_groups": [" x", ""], "teams": "y; z"}, {"email": "d@e.f", "teams": []}]'
    assert fields(content.replace("}]", ', "days": null, "membership": " "}]'), "jobs.json") == [
        {"email": "a@b.c", "role_groups": ["x"], "teams": ["y", "z"]},
        {"email": "d@e.f", "teams": []},
    ]


def test_defaults_fill_what_a_row_leaves_out(fields: Fields) -> None:
    """Empty and null count as left out."""
    content = '{"defaults": {"teams": "a;b", "days": 3}, "items": [{"email": "a@b.c"}, {"email": "d@e.f", "days": 4}]}'
    assert fields(content, "jobs.json") == [
        {"email": "a@b.c", "teams": ["a", "b"], "days": 3},
        {"email": "d@e.f", "teams": ["a", "b"], "days": 4},
    ]


def test_a_bad_default_is_told_once(check: Check) -> None:
    """It is the file's fault, not each row's."""
    items = ",".join(f'{{"email": "u{n}@b.c"}}' for n in range(5))
    result = check(f'{{"defaults": {{"days": 99}}, "items": [{items}]}}', "jobs.json")
    assert told(result) == [
        "jobs.json, column days: the file's default: out of range (found '99'); expected 30 or less"
    ]
    assert len(result.invalid) == 5


def test_unknown_defaults_are_warned_of(check: Check) -> None:
    """With the nearest name."""
    result = check('{"defaults": {"dayz": 9, "_x": 1}, "items": [{"email": "a@b.c"}]}', "jobs.json")
    assert warned(result) == ["jobs.json, column dayz: unknown field in defaults: it is ignored; did you mean 'days'?"]


def test_columns_match_without_regard_to_case_and_gaps(check: Check, fields: Fields) -> None:
    """Reading a name as another is told, a difference of case is not."""
    content = "EMAIL,Role Groups,Teams\na@b.c,x,y\n"
    assert fields(content) == [{"email": "a@b.c", "role_groups": ["x"], "teams": ["y"]}]
    assert warned(check(content)) == ["jobs.csv, line 1, column Role Groups: is read as role_groups"]


def test_an_unknown_column_is_one_warning_with_the_nearest_name(check: Check) -> None:
    """It is never an error."""
    result = check("email,taems,zzz\na@b.c,x,1\nd@e.f,y,2\n")
    assert result.ok
    told_of = "unknown column: it is ignored, and carried into reports"
    assert warned(result) == [
        f"jobs.csv, line 1, column taems: {told_of}; did you mean 'teams'?",
        f"jobs.csv, line 1, column zzz: {told_of}",
    ]


def test_a_failures_file_is_a_job_file(check: Check) -> None:
    """What starts with an underscore is ignored without a word."""
    result = check("email,_row,_outcome,_error,_message\na@b.c,7,failed,rejected,no such thing\n")
    assert result.ok
    assert result.warnings == ()


def test_a_missing_required_column_is_told_once(check: Check) -> None:
    """With the columns there are and the likely one among them."""
    result = check("emial,teams\n" + "a@b.c,x\n" * 50)
    (problem,) = told(result)
    assert problem == (
        "jobs.csv, line 1, column email: invite needs a column email; the file only has emial and teams;"
        " did you mean 'emial'?"
    )
    assert (result.rows, result.valid, len(result.invalid), result.file_problems) == (50, 0, 50, 1)


def test_an_empty_required_cell_is_told_for_its_row(check: Check) -> None:
    """Under the name its column has in the file."""
    assert told(check("Email,teams\n,x\na@b.c,y\n")) == ["jobs.csv, line 2, column Email: is empty"]


def test_a_field_missing_from_some_items_is_told_for_each(check: Check) -> None:
    """With the item's line; missing from all it is the file's fault."""
    assert told(check('[{"email": "a@b.c"},\n{"teams": "x"}]', "jobs.json")) == [
        "jobs.json, line 2, column email: is missing"
    ]
    assert len(told(check('[{"teams": "x"},\n{"teams": "y"}]', "jobs.json"))) == 1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("ann,,", "email: is not an e-mail address (found 'ann')"),
        (
            "a@b.c,membr,",
            "membership: unknown value (found 'membr'); expected member or maintainer; did you mean 'member'?",
        ),
        ("a@b.c,,x", "days: wrong kind of value (found 'x'); expected a whole number"),
        ("a@b.c,,31", "days: out of range (found '31'); expected 30 or less"),
        ("a@,,", "email: too short (found 'a@'); expected at least 3 characters"),
        ("a\u200b@b.c,,", "email: holds an invisible or control character (U+200B)"),
        ('"a@b.c\nd@e.f",,', "email: holds an invisible or control character (U+000A)"),
        ("a\x07@b.c,,", "email: holds an invisible or control character (U+0007)"),
    ],
)
def test_a_bad_value_is_told_in_plain_words(check: Check, row: str, problem: str) -> None:
    """File, line, column, value and what was expected."""
    (line,) = told(check(f"email,membership,days\n{row}\n"))
    assert line.startswith(f"jobs.csv, line 2, column {problem}")


def test_letters_of_every_script_are_no_control_characters(fields: Fields) -> None:
    """Neither are the spaces that some keyboards make."""
    assert fields("email,teams\nren\u00e9@b.c,\u00c9quipe\u00a0\u4e00\n")[0]["teams"] == ["\u00c9quipe\u00a0\u4e00"]


def test_every_fault_of_a_row_is_told_at_once(check: Check) -> None:
    """Not only the first."""
    assert len(told(check("email,membership,days\nann,x,y\n"))) == 3


def test_a_rule_over_several_fields_is_told_verbatim(check: Check) -> None:
    """It belongs to the row, not to a column."""
    assert told(check("email,invite_id,note\n,,x\n", operation="revoke-invite")) == [
        "jobs.csv, line 2: needs email or invite_id"
    ]


def test_json_of_the_wrong_kind_is_told(check: Check) -> None:
    """Each with its value; elements of lists are told one by one."""
    items = '[{"email": 5, "teams": [1, "x", {"a": [2]}], "role_groups": {"a": 1}, "days": 1.5}]'
    assert [line.partition(", column ")[2] for line in told(check(items, "jobs.json"))] == [
        "email: wrong kind of value (found '5'); expected text",
        "role_groups: wrong kind of value (found '{\"a\": 1}'); expected a list",
        "teams: wrong kind of value (found '1'); expected text",
        "teams: wrong kind of value (found '{\"a\": [2]}'); expected text",
        "days: wrong kind of value (found '1.5'); expected a whole number",
    ]


def test_a_megabyte_in_a_cell_is_told_shortened(check: Check) -> None:
    """Nobody wants to read it all."""
    (problem,) = check("email,teams\n" + "x" * 1_000_000 + ",y\n").problems
    assert str(problem).endswith(
        f"column email: too long (found '{'x' * 34}… (1,000,000 characters)'); expected at most 10,000 characters"
    )


def test_ragged_rows_are_told_among_the_others(check: Check) -> None:
    """They are invalid rows like any."""
    result = check("email,teams\na@b.c\nd@e.f,x\nnone,y\n")
    assert [line[:16] for line in told(result)] == ["jobs.csv, line 2", "jobs.csv, line 4"]
    assert list(result.invalid) == [1, 3]
    assert (result.rows, result.valid, result.operations) == (3, 1, {"invite": 1})


def test_rows_may_name_their_own_operation(check: Check) -> None:
    """Case, spaces and underscores do not matter; each is checked by its own model."""
    result = check("Operation,email,user\ninvite,a@b.c,\nDelete User,,ann\nDELETE_USER,,bob\n", operation=None)
    assert result.ok
    assert result.warnings == ()
    assert result.operations == {"invite": 1, "delete-user": 2}


def test_an_unknown_operation_is_told_with_the_nearest(check: Check) -> None:
    """And with all there are."""
    (problem,) = told(check("operation,email\ninvit,a@b.c\n", operation=None))
    assert problem == (
        "jobs.csv, line 2, column operation: unknown operation (found 'invit');"
        " expected invite, revoke-invite or delete-user; did you mean 'invite'?"
    )


def test_an_unknown_operation_on_the_command_line_is_told_once(check: Check) -> None:
    """Whatever the rows say."""
    result = check("operation,email\n,a@b.c\ninvite,d@e.f\n", operation="inviet")
    (problem,) = told(result)
    assert problem.startswith("jobs.csv: unknown operation on the command line (found 'inviet'); expected invite,")
    assert len(result.invalid) == 2


def test_an_operation_that_the_target_lacks_is_told_as_such(check: Check) -> None:
    """Known elsewhere is not unknown."""
    (problem,) = told(check("email\na@b.c\n", operation="enable-user"))
    assert "operation that this target does not offer on the command line (found 'enable-user')" in problem


def test_no_operation_anywhere_is_told_once(check: Check) -> None:
    """With both ways to name one."""
    (problem,) = told(check("email\na@b.c\nd@e.f\n", operation=None))
    assert "no operation is named: add a column operation, or give --operation" in problem


def test_a_row_that_contradicts_the_command_line_is_bad(check: Check) -> None:
    """An empty cell does not contradict it."""
    (problem,) = told(check("operation,email\ninvite,a@b.c\n,d@e.f\nrevoke-invite,g@h.i\n"))
    assert (
        "line 4, column operation: another operation than the job's (found 'revoke-invite'); expected invite" in problem
    )


def test_the_files_operation_is_used_unless_the_command_line_names_one(check: Check) -> None:
    """A row's own goes before the file's."""
    content = '{"operation": "delete-user", "items": [{"user": "a"}, {"operation": "invite", "email": "a@b.c"}]}'
    assert check(content, "jobs.json", operation=None).operations == {"delete-user": 1, "invite": 1}
    content = '{"operation": "delete-user", "items": [{"email": "a@b.c"}]}'
    assert check(content, "jobs.json", operation="invite").operations == {"invite": 1}


def test_a_misspelt_operation_field_in_json_is_never_passed_over(check: Check) -> None:
    """The row would be run as something else."""
    (problem,) = told(check('[{"Operation": "delete-user", "email": "a@b.c"}]', "jobs.json"))
    assert "this field's name is misspelt (found 'Operation'); expected operation" in problem


def test_a_field_given_twice_in_two_spellings_is_bad(check: Check) -> None:
    """Which one was meant cannot be known."""
    (problem,) = told(check('[{"email": "a@b.c", "Email": "d@e.f"}]', "jobs.json"))
    assert "column Email: email is given twice (found 'd@e.f')" in problem


def test_only_so_many_problems_are_kept_and_all_are_counted(check: Check) -> None:
    """A file of another kind would fill memory otherwise."""
    result = check("email\n" + "x\n" * 30, keep=10)
    assert (len(result.problems), result.problem_count, result.untold, len(result.invalid)) == (10, 30, 20, 30)
    refusal = result.refusal()
    assert "jobs.csv: 30 problems in 30 rows, 30 rows cannot be run; the first 10 are listed" in str(refusal)
    assert refusal.problems == result.problems


def test_a_file_that_breaks_off_is_told_after_what_came_before(check: Check) -> None:
    """Everything known is listed at once."""
    with pytest.raises(JobFileError, match="line 3: a quoted cell") as caught:
        check('email,note\nx,y\na@b.c,"z\n')
    assert [getattr(problem, "line", None) for problem in caught.value.problems] == [2, 3]


def test_problems_at_the_top_of_a_file_count(check: Check) -> None:
    """They touch no row, and still nothing may be sent."""
    result = check('{"optoins": {}, "items": [{"email": "a@b.c"}]}', "jobs.json")
    assert (result.ok, result.valid, result.file_problems) == (False, 1, 1)


def test_a_row_is_explained_again_when_asked(read: Open, models: dict[str, type[BaseModel]]) -> None:
    """A run that leaves invalid rows out reports each with its reason."""
    source = read("email\nann\na@b.c\n")
    validator = RowValidator(models, source=source, operation="invite")
    check_file(source, validator)
    row = next(source.rows())
    assert isinstance(row, Row)
    result = validator.validate(row)
    assert isinstance(result, list)
    assert result[0].message == "is not an e-mail address"


def test_row_marks_are_a_set_of_rows() -> None:
    """Asking beyond the end is no error."""
    marks = RowMarks()
    for row in (9, 1, 70_000, 9):
        marks.add(row)
    assert list(marks) == [1, 9, 70_000]
    assert len(marks) == 3
    assert [row in marks for row in (1, 2, 9, 70_000, 70_001, 10**9, -1)] == [
        True,
        False,
        True,
        True,
        False,
        False,
        False,
    ]
    assert marks.row_set() == RowSet.of([1, 9, 70_000])
