"""The listing that docs/adding-a-target.md walks through works as it stands there."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bulkops.errors import StoppedError
from bulkops.fetch import read_through, walk
from bulkops.providers.base import Person
from bulkops.testing.wire import Heard, Speaker, answer
from bulkops.transport import Gates, Scrubber, Session, SessionOptions, VendorProfile

PAGE = Path(__file__).resolve().parents[3] / "docs" / "adding-a-target.md"
PEOPLE = [{"id": f"p{number}", "login": f"ada.{number}", "email": f"ada.{number}@x.test"} for number in range(450)]


def example() -> dict[str, Any]:
    """What the page's code defines."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), found)
    return found


async def linked(heard: Heard, speaker: Speaker, *, next_link: str = "", end: int = len(PEOPLE)) -> None:
    """A page, with one `Link` field for each relation, as some vendors write them."""
    after, limit = int(heard.query.get("after", 0)), int(heard.query["limit"])
    headers = {"Link": f'<{heard.path}?after={after}&limit={limit}>; rel="self"'}
    if after + limit < end:
        headers["link"] = f'<{next_link or f"/v1/people?after={after + limit}&limit={limit}"}>; rel="next"'
    await speaker.say(answer(200, PEOPLE[after : min(after + limit, end)], headers=headers))


@pytest.fixture
def listing_of(stack: AsyncExitStack) -> Any:
    """The page's listing at a server."""

    async def begin(url: str) -> Any:
        session = Session(
            SessionOptions(base_url=url, profile=VendorProfile()), credentials=None, gates=Gates(), scrubber=Scrubber()
        )
        await stack.enter_async_context(session)
        named = example()
        return named["LinkedListing"](session, "/v1/people", named["person"], resource="people")

    return begin


async def test_every_page_is_followed_to_the_end(serve: Any, listing_of: Any) -> None:
    """Each row once, in order, for a plan and for an export, which takes two walks to be sure."""
    wire = await serve(linked)
    listing = await listing_of(wire.url)
    found = await walk(listing)
    assert [one.id for one in found] == [row["id"] for row in PEOPLE]
    assert isinstance(found[0], Person)
    assert len(wire.heard) == 3
    given: list[Person] = []

    async def take(stretch: Any) -> None:
        given.extend(stretch.rows)

    certainty = await read_through(listing, take)
    assert certainty.proven
    assert given == found


@pytest.mark.parametrize(
    ("link", "why"),
    [("https://elsewhere.test/v1/people", "a link that leaves 127.0.0.1"), ("/v1/people?limit=200", "kept changing")],
)
async def test_a_link_that_leads_away_or_round_is_not_followed(
    serve: Any, listing_of: Any, link: str, why: str
) -> None:
    """Credentials would go along, or there would be no end."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        await linked(heard, speaker, next_link=link)

    with pytest.raises(StoppedError, match=why):
        await walk(await listing_of((await serve(script)).url))
