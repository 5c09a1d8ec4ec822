"""What is masked in texts from outside, and what is left to be read."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.transport import MASK, Scrubber

SECRET = "0f3c9a7e5d1b4c2f"


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {SECRET}",
        f"authorization: bearer {SECRET}",
        "Bearer abcdefghijklmnopqrstuvwxyz",
        f"Basic {SECRET}==",
        f"token {SECRET}",
        f'{{"id": 1, "code": "{SECRET}", "status": "INVITED"}}',
        f'{{"access_token":"{SECRET}","token_type":"bearer"}}',
        f"client_secret={SECRET}&grant_type=client_credentials",
        f"{{'password': '{SECRET}'}}",
        f'the body was {{\\"access_token\\":\\"{SECRET}\\"}}',
        f'"password":"with \\" a quote {SECRET}"',
        f'[{{"id":1,"code":"{SECRET}',
        f"refresh_token: {SECRET}",
        f"api_key = {SECRET}",
        f"the token={SECRET} is bad",
        f'{{"token": "{SECRET}"}}',
        f"{{'token': '{SECRET}'}}",
        f'the body was {{\\"token\\":\\"{SECRET}\\"}}',
        f"token: {SECRET}",
        f"session_token={SECRET}",
        f'"accessToken": "{SECRET}"',
        "token: abcdefghijklmnopqrstuvwxyz",
        "secret: correct-horse",
        "code: QmFzZTY0Q29kZQ",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    """By the name that it goes under, whole or cut short, without being known."""
    clean = Scrubber().text(text)
    assert MASK in clean
    for part in (SECRET, "abcdefghij", "correct-horse", "QmFzZTY0"):
        assert part not in clean


@pytest.mark.parametrize(
    "text",
    [
        "HTTP 400: One or more email addresses are invalid",
        "the provider does not accept the token from $ACME_TOKEN: it has expired",
        "Basic authentication required; the bearer of this letter; token required",
        "status code: 404, error code = NOT_FOUND",
        "token: invalid; token expired; token = missing",
        '{"token": "is not valid any more", "tokens": "12 left"}',
        '{"token": null, "token_type": "bearer2"}',
        "the provider does not accept the token from $ACME_TOKEN: 401",
        '{"code": "invalid_email", "message": "no such role group"}',
        '{"code":400}',
        "postcode: 12345-7890",
        "passwords are checked elsewhere, secretly",
        "[0].email should NOT have more than 255 characters",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    """A message that says nothing any more helps nobody."""
    assert Scrubber().text(text) == text


@given(secret=st.text(min_size=4), before=st.text(), after=st.text())
def test_a_known_secret_never_comes_through(secret: str, before: str, after: str) -> None:
    """Neither as it is, nor as JSON or a URL writes it, whatever stands around it."""
    scrubber = Scrubber()
    scrubber.add(secret)
    for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe="", errors="replace")):
        clean = scrubber.text(f"{before}{form}{after}").replace(MASK, "")
        assert form not in clean or form in before + after or form in MASK


@pytest.mark.parametrize("secret", [SECRET, "with/slash+plus&<tag>", 'quo"te\\back', "pä55wörd-ünd", "a b c d e f g h"])
def test_a_known_secret_is_found_in_every_writing(secret: str) -> None:
    """As a page, an address in either case, JSON, JSON in JSON, and Base64 at each of its three starts."""
    scrubber = Scrubber()
    scrubber.add(secret)
    once = json.dumps(secret)[1:-1]
    forms = [html.escape(secret), quote(secret, safe=""), quote_plus(secret), quote(secret, safe="").lower()]
    forms += [once, json.dumps(once)[1:-1], once.replace("/", "\\/")]
    for encode in (b64encode, urlsafe_b64encode):
        forms += [
            encode(f"{'u' * before}{secret}{after}".encode()).decode() for before in range(3) for after in ("", ":x")
        ]
    clean = scrubber.text(" | ".join(forms))
    assert clean.count(MASK) == len(forms), clean


@given(text=st.text(max_size=40), secret=st.text(min_size=4, max_size=12), limit=st.integers(0, 60))
def test_a_cut_leaves_no_part_of_a_secret(text: str, secret: str, limit: int) -> None:
    """Wherever it goes through; and what is kept is no longer than asked for, but for the masks."""
    scrubber = Scrubber()
    scrubber.add(secret)
    head = scrubber.head(text + secret + text, limit)
    assert len(head.replace(MASK, "")) <= limit
    if len(text) < limit < len(text) + len(secret):
        assert MASK in head


def test_the_longer_of_two_secrets_goes_first() -> None:
    """Or the rest of it would stay behind."""
    scrubber = Scrubber()
    scrubber.add("abcd")
    scrubber.add("abcdefgh")
    assert scrubber.text("x abcdefgh y abcd") == f"x {MASK} y {MASK}"


def test_a_very_short_secret_is_not_looked_for() -> None:
    """It would mask half of every message."""
    scrubber = Scrubber()
    scrubber.add("abc")
    assert scrubber.text("abc") == "abc"


def test_log_events_are_scrubbed_to_their_leaves() -> None:
    """Numbers and the like stay what they are; anything else becomes text first."""
    scrubber = Scrubber()
    scrubber.add("hunter-2000")
    event = {"n": 1, "ok": True, "none": None, "list": ["hunter-2000", ("x", 2.5)], "error": ValueError("hunter-2000")}
    assert scrubber.value(event) == {
        "n": 1,
        "ok": True,
        "none": None,
        "list": [MASK, ["x", 2.5]],
        "error": MASK,
    }
