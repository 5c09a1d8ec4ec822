"""Links to the next page: where they may lead, and how a header writes them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.paging import links_of, same_host

BASE = "https://api.example.test"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/v1/users?page=2", "/v1/users?page=2"),
        ("https://api.example.test/v1/users?page=2", "/v1/users?page=2"),
        ("https://API.example.test:443/v1", "/v1"),
        ("/v1/acl{?subjectId}", "/v1/acl"),
        ("?page=2", "/?page=2"),
    ],
)
def test_a_link_within_the_host_is_its_path_and_query(link: str, path: str) -> None:
    """Relative or in full; a template is cut off."""
    assert same_host(link, BASE) == path


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/v1/users",
        "//evil.test/v1",
        "http://api.example.test/v1",
        "https://api.example.test:8443/v1",
        "https://api.example.test@evil.test/",
        "https://user@api.example.test/v1",
        "ftp://api.example.test/v1",
        "https://[broken/",
        "https://api.example.test:port/",
    ],
)
def test_a_link_that_leaves_the_host_is_refused(link: str) -> None:
    """Credentials would follow it."""
    with pytest.raises(ValueError, match="link"):
        same_host(link, BASE)


@given(st.text(max_size=60))
def test_whatever_a_link_says_it_stays_here_or_is_refused(link: str) -> None:
    """A path of our own host comes back, or ValueError."""
    with contextlib.suppress(ValueError):
        assert same_host(link, BASE).startswith("/")


def test_a_link_header_names_its_relations() -> None:
    """Several links, several relations of one, commas within a target."""
    header = '<https://h/a?x=1,2>; rel="next"; title="a, b", </b>; rel=prev, </c>; rel="first last"'
    assert links_of(header) == {"next": "https://h/a?x=1,2", "prev": "/b", "first": "/c", "last": "/c"}


@given(st.text(max_size=80))
def test_a_broken_header_names_nothing_and_raises_nothing(header: str) -> None:
    """What does not parse is left out."""
    assert all(isinstance(target, str) for target in links_of(header).values())
