"""What a filter says of a row, and what is said of a filter that cannot be."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bulkops.errors import FilterError
from bulkops.jobs.filters import ColumnType, parse_filter

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SCHEMA = {
    "email": ColumnType.TEXT,
    "last_login": ColumnType.DATE,
    "role_groups": ColumnType.TEXTS,
    "enabled": ColumnType.FLAG,
    "logins": ColumnType.NUMBER,
    "Cost Centre": ColumnType.TEXT,
}
IDLE = "last_login < 90d and not role_groups contains 'Admins' and email matches '*@old.example'"


def decide(text: str, **row: Any) -> str:
    """What the filter says of a row: yes, no or undecided."""
    return parse_filter(text, SCHEMA).decide(row, NOW).value


def refused(text: str) -> str:
    """The error's text."""
    with pytest.raises(FilterError) as caught:
        parse_filter(text, SCHEMA)
    return str(caught.value)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"email": "Ann@OLD.example", "last_login": "2025-12-01T08:00:00Z", "role_groups": ["Sales"]}, "yes"),
        ({"email": "ann@old.example", "last_login": "2025-12-01T08:00:00Z", "role_groups": ["ADMINS"]}, "no"),
        ({"email": "ann@old.example", "last_login": "2026-05-01T08:00:00Z", "role_groups": []}, "no"),
        ({"email": "ann@new.example", "last_login": None, "role_groups": []}, "no"),
        ({"email": "ann@old.example", "last_login": None, "role_groups": ["Admins"]}, "no"),
        ({"email": "ann@old.example", "last_login": None, "role_groups": []}, "undecided"),
    ],
)
def test_a_filter_means_the_people_it_says(row: dict[str, Any], wanted: str) -> None:
    """All of a condition holds, some of it does not, or all hangs on a login that never was."""
    found = parse_filter(IDLE, SCHEMA)
    assert found.decide(row, NOW).value == wanted
    assert found.matches(row, NOW) is (wanted == "yes")


def test_a_filter_names_the_columns_that_it_reads() -> None:
    """Each once, as the schema writes them: what is not named need not be fetched."""
    assert parse_filter("EMAIL = 'a' or last-login = never or email = 'b'", SCHEMA).reads == ("email", "last_login")


def test_a_missing_login_is_decided_only_by_naming_it() -> None:
    """A comparison neither takes people without a login nor drops them; not, and, or keep that; `never` settles it."""
    assert decide("last_login < 90d") == "undecided"
    assert decide("not last_login < 90d") == "undecided"
    assert decide("last_login >= 90d", last_login=" ") == "undecided"
    assert decide("last_login < 90d or last_login = never") == "yes"
    assert decide("last_login < 90d and last_login != never") == "no"
    assert decide("last_login is empty") == "yes"
    assert decide("last_login is not empty") == "no"


def test_spans_count_back_from_now() -> None:
    """`< 90d` is earlier than 90 days ago, to the second; weeks and hours alike."""
    edge = NOW - timedelta(days=90)
    assert decide("last_login < 90d", last_login=edge) == "no"
    assert decide("last_login <= 90d", last_login=edge) == "yes"
    assert decide("last_login < 90d", last_login=edge - timedelta(seconds=1)) == "yes"
    assert decide("last_login > 2W", last_login=NOW - timedelta(days=13)) == "yes"
    assert decide("last_login > 12h", last_login=NOW - timedelta(hours=13)) == "no"
    assert decide("last_login < 90d", last_login=(edge - timedelta(days=1)).replace(tzinfo=None)) == "yes"


@pytest.mark.parametrize(
    ("sign", "before", "within", "after"),
    [
        ("<", "yes", "no", "no"),
        ("<=", "yes", "yes", "no"),
        ("=", "no", "yes", "no"),
        ("!=", "yes", "no", "yes"),
        (">=", "no", "yes", "yes"),
        (">", "no", "no", "yes"),
    ],
)
def test_a_day_is_all_of_its_moments(sign: str, before: str, within: str, after: str) -> None:
    """A date without a time is the whole day in UTC, for every comparison."""
    text = f"last_login {sign} 2026-01-31"
    assert decide(text, last_login="2026-01-30T23:59:59.999Z") == before
    assert decide(text, last_login="2026-01-31T00:00:00Z") == within
    assert decide(text, last_login="2026-01-31T23:59:59Z") == within
    assert decide(text, last_login=date(2026, 1, 31)) == within
    assert decide(text, last_login="2026-02-01T00:00:00Z") == after


def test_zones_are_honoured() -> None:
    """A time with a zone is that moment; without one it is UTC."""
    assert decide("last_login < 2026-01-31T09:00+02:00", last_login="2026-01-31T06:59:59Z") == "yes"
    assert decide("last_login < 2026-01-31 09:00", last_login="2026-01-31T08:59:59+00:00") == "yes"
    assert decide("last_login >= 2026-01-31T09:00Z", last_login="2026-01-31T10:00:00+01:00") == "yes"


def test_texts_compare_without_case() -> None:
    """A missing text is the empty one."""
    assert decide("email = 'ANN@x.test'", email="ann@X.test") == "yes"
    assert decide("email != 'ann@x.test'") == "yes"
    assert decide("email in ('a', \"B\")", email="b") == "yes"
    assert decide("email not in ('a', 'b')", email="c") == "yes"
    assert decide("email contains 'X.T'", email="ann@x.test") == "yes"
    assert decide("email is empty", email="  ") == "yes"
    assert decide("`cost centre` = 'O''Neill \\ Sons'", **{"Cost Centre": "o'neill \\ sons"}) == "yes"


def test_a_list_contains_whole_entries() -> None:
    """`contains` asks a list for an entry, not for a part of one; `matches` asks its entries."""
    groups = ["Exchange Admins", "", "Sales"]
    assert decide("role_groups contains 'sales'", role_groups=groups) == "yes"
    assert decide("role_groups contains 'Admins'", role_groups=groups) == "no"
    assert decide("role_groups matches '*admins'", role_groups=groups) == "yes"
    assert decide("role_groups is empty", role_groups=[""]) == "yes"
    assert decide("role_groups is empty") == "yes"


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("*@old.example", "a@old.example", True),
        ("*@old.example", "a@old.example.net", False),
        ("a?c*", "abcdef", True),
        ("a?c", "ac", False),
        ("a[b]*", "A[B]c", True),
        ("*", "", True),
        ("**x**", "axb", True),
        ("*ab*ab", "ab", False),
        ("*a*\n*", "ba\nc", True),
    ],
)
def test_patterns_are_of_whole_texts(pattern: str, text: str, wanted: bool) -> None:
    """`*` is anything, `?` one character, and nothing else is special."""
    assert parse_filter(f"email matches '{pattern}'", SCHEMA).matches({"email": text}, NOW) is wanted


def test_no_pattern_takes_for_ever() -> None:
    """A pattern that would make a searching engine try everything is refused its rope: this test ends."""
    assert decide(f"email matches '{'*a' * 60}b'", email="a" * 9000) == "no"


def test_numbers_and_flags() -> None:
    """A missing one is undecided; numbers may come as text."""
    assert decide("logins >= 2.5", logins="2.5") == "yes"
    assert decide("logins > -1", logins=0) == "yes"
    assert decide("logins in (1, 2)", logins=2) == "yes"
    assert decide("logins != 3") == "undecided"
    assert decide("enabled = true", enabled="True") == "yes"
    assert decide("enabled != true", enabled=False) == "yes"
    assert decide("enabled = false", enabled=None) == "undecided"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"last_login": "yesterday"}, "last_login"),
        ({"last_login": 1767225600}, "last_login"),
        ({"logins": True}, "logins"),
        ({"logins": "nan"}, "logins"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"email": ["a"]}, "email"),
        ({"role_groups": [{"name": "a"}]}, "role_groups"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_an_error_and_no_guess(row: dict[str, Any], column: str) -> None:
    """The error names the column and the value."""
    found = parse_filter(f"{column} is empty", SCHEMA)
    with pytest.raises(FilterError, match=f"column {column} of a row holds"):
        found.decide(row, NOW)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("last_logn < 90d", "column 1: unknown column 'last_logn'; did you mean 'last_login'?"),
        ("email = 'a' and xyz = 1", "column 17: unknown column 'xyz'; there are email, last_login, role_groups,"),
        ("email = Sales", "column 9: email holds a text, and Sales is not one; a text stands in quotes: 'Sales'"),
        ("last_login < '2026-01-31'", "column 14: last_login holds a date, and '2026-01-31' is not one;"),
        ("last_login < 90days", "column 14: last_login holds a date, and 90days is not one; write a date such as"),
        ("last_login < 2026-02-30", "column 14: last_login holds a date, and 2026-02-30 is not one"),
        ("last_login < 9", "column 14: last_login holds a date, and 9 is not one"),
        ("last_login < 40000d", "column 14: 40000d is more than a hundred years"),
        ("last_login = 90d", "column 12: = with a moment would hardly ever hold"),
        ("last_login < never", "column 14: never is neither before nor after anything"),
        ("last_login in (2026-01-01)", "column 12: last_login holds a date: use ="),
        ("last_login matches '2026*'", "column 12: matches asks about texts, and last_login holds a date"),
        ("logins = 'a'", "column 10: logins holds a number, and 'a' is not one"),
        ("logins = 1e5", "column 10: logins holds a number, and 1e5 is not one"),
        ("enabled = 1", "column 11: enabled is true or false, and not 1"),
        ("enabled < true", "column 9: enabled is true or false: use = or !="),
        ("email < 'a'", "column 7: email holds a text, which has no order"),
        ("role_groups = 'a'", "column 13: role_groups holds a list: use contains, matches or is empty"),
        ("email = never", "column 9: email holds a text, and never is not one"),
        ("email == 'a'", "column 7: '==' is no comparison; write ="),
        ("email = 'a' && enabled = true", "column 13: '&&' is not known here; write 'and'"),
        ("email = 'a", "column 9: a quote ' is opened and never closed"),
        ("email = ‘a’", "column 9: ‘ is a typographic quote; write ' or \""),
        ("email % 'a'", "column 7: '%' is not known here"),
        ("(email = 'a'", "column 13: the filter ends too early; expected"),
        ("email =", "column 8: the filter ends too early; expected a value"),
        ("enabled", "column 8: the filter ends too early; expected contains, in, is,"),
        ("email = 'a') or enabled = true", "column 12: ')' does not fit here; expected the end, and or or"),
        ("42 = email", "column 1: '42' does not fit here; expected (, a column or not"),
        ("  ", "the filter is empty"),
        ("email = 'a' or " * 1000 + "x", "a filter has at most 10,000 characters"),
        ("not " * 51 + "enabled = true", "more than 50 conditions inside each other"),
    ],
)
def test_what_is_wrong_is_told_in_words(text: str, told: str) -> None:
    """With the column where it stands."""
    assert told in refused(text)


def test_the_place_is_marked() -> None:
    """The error shows the line, and its line and column can be asked for."""
    with pytest.raises(FilterError) as caught:
        parse_filter("enabled = true\n  and lastlogin < 90d", SCHEMA)
    assert str(caught.value) == (
        "line 2, column 7: unknown column 'lastlogin'; did you mean 'last_login'?\n"
        "    and lastlogin < 90d\n"
        "        ^^^^^^^^^"
    )
    assert (caught.value.line, caught.value.column) == (2, 7)


def test_and_binds_closer_than_or_and_not_closest() -> None:
    """As people read it."""
    assert decide("enabled = true or enabled = false and logins = 1", enabled=True, logins=2) == "yes"
    assert decide("(enabled = true or enabled = false) and logins = 1", enabled=True, logins=2) == "no"
    assert decide("not enabled = true and logins = 1", enabled=False, logins=1) == "yes"


def test_the_parser_is_imported_only_with_the_first_filter() -> None:
    """Job files without a filter do not pay for it."""
    code = (
        "import sys, bulkops.jobs.filters as f; assert 'lark' not in sys.modules; "
        "f.parse_filter('a = 1', {'a': f.ColumnType.NUMBER}); assert 'lark' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
