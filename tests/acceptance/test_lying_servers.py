"""Servers that lie about what they did: the outcome is what they really did, by their own count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import cycle

import pytest

from bulkops.testing.between import Between, Forward, between, configured, typed
from bulkops.testing.lies import BROKEN, ODD, Lie
from bulkops.testing.processes import Ended, Shell
from bulkops.testing.wire import Heard, Speaker, answer

LIES: Mapping[str, Lie] = {**BROKEN, **ODD}
SLOW = {"silence", "a-byte-at-a-time", "length-too-long", "gzip-bomb"}
TRUTHFUL = [f"fine.{number}@new.test" for number in range(150)]
"""Enough calls that go well for so many faults to be within a run's retries."""


async def run(shell: Shell, site: Between, job: str, *arguments: str) -> Ended:
    """The real command over a job file, ended."""
    auth = {"acme": 'method = "bearer", token_env = "T"'}
    configured(shell, site.wire.url, site.sandbox.organization, auth, settling_s=0.1, timeout_s=1.0)
    shell.environ["T"] = site.sandbox.token
    shell.write("job.csv", job)
    ended = await typed(shell, "run", "job.csv", "--run-id", "r", "--yes", "--json", *arguments)
    assert "Traceback" not in ended.err
    return ended


@pytest.mark.parametrize("applied", [True, False], ids=["done", "not done"])
async def test_each_mail_leaves_once_whatever_the_answer_was(shell: Shell, applied: bool) -> None:
    """Each row's first call is lied about in its own way, after it was done or instead of it.

    What is not known is looked up, and sent again where it did not happen; what was accepted without effect has failed.
    """
    broken, odd = ([f"{name}@lied.test" for name in lies] for lies in (BROKEN, ODD))
    heard_of: Counter[str] = Counter()

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        address = heard.json[0]["email"] if heard.method == "POST" else ""
        heard_of[address] += 1
        lie = LIES.get(address.partition("@")[0]) if heard_of[address] == 1 else None
        told = answer(*await forward(heard)) if lie is None or applied else b""
        await (lie(speaker) if lie is not None else speaker.say(told))

    async with between(bend) as site:
        job = "email\n" + "\n".join([*broken, *odd, *TRUTHFUL]) + "\n"
        ended = await run(shell, site, job, "--operation", "invite", "--batch-size", "1")
        sent = [*broken, *odd, *TRUTHFUL] if applied else [*broken, *TRUTHFUL]
        assert site.sent() == dict.fromkeys(sent, 1)
    assert ended.code == (0 if applied else 1), ended.err
    assert (shell.folder / ended.told["failures_file"]).read_text().count(",not_applied,") == (
        0 if applied else len(odd)
    )
    assert ended.told["counts"]["succeeded"] == len(sent)
    del heard_of[""]
    assert dict(heard_of) == dict.fromkeys([*odd, *TRUTHFUL], 1) | dict.fromkeys(broken, 1 if applied else 2)


async def test_an_itemised_answer_is_joined_by_its_ids(shell: Shell) -> None:
    """Missing, doubled, foreign, in both lists, in another order: each row ends as what really happened to it."""

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        status, body = await forward(heard)
        if heard.path.endswith("/invites/resend"):
            first, second, third, *_ = heard.json
            both = {"succeeded": [10**15, third, first, first, second, None], "failed": [second, 10**15 + 1, {}]}
            body = json.dumps(both).encode()
        await speaker.say(answer(status, body))

    async with between(bend) as site:
        job = "email\n" + "\n".join(f"pending.{number}@acme.test" for number in range(1, 6)) + "\n"
        ended = await run(shell, site, job, "--operation", "resend-invite", "--batch-size", "5")
        assert site.sandbox.effects.count("invite_resent") == 5
    assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 5), ended.err


async def test_a_listing_that_is_lied_about_is_asked_again(shell: Shell) -> None:
    """Every other answer is broken, each in another way: what the good ones say is decided on."""
    lies = cycle(name for name in BROKEN if name not in SLOW)
    asked: Counter[str] = Counter()

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        asked[heard.target] += heard.method == "GET"
        if heard.method == "GET" and asked[heard.target] % 2:
            return await BROKEN[next(lies)](speaker)
        return await speaker.say(answer(*await forward(heard)))

    async with between(bend) as site:
        ended = await run(shell, site, "email\na@new.test\npending.1@acme.test\n", "--operation", "invite")
        assert site.sent() == {"a@new.test": 1}
    counts = ended.told["counts"]
    assert (ended.code, counts["succeeded"], counts["skipped"]) == (0, 1, 1), ended.err


@pytest.mark.parametrize("lie", ["a-proxys-page", "elsewhere"])
async def test_a_listing_that_is_always_lied_about_stops_the_run(shell: Shell, lie: str) -> None:
    """After a few tries, in one line, with nothing sent and everything to be resumed; no other host hears of it."""

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        if heard.path.endswith("/invites"):
            return await BROKEN[lie](speaker)
        return await speaker.say(answer(*await forward(heard)))

    async with between(bend) as site:
        ended = await run(shell, site, "email\na@new.test\n", "--operation", "invite")
        assert site.sent() == {}
    assert ended.code == 4
    assert (ended.told["state"], ended.told["counts"]["pending"]) == ("stopped", 1)
    assert ended.told["reason"].isprintable()
    assert ended.told["reason"].endswith("(5 tries)")


async def test_a_total_beyond_all_sense_stops_the_run(shell: Shell) -> None:
    """More rows than any organisation has: neither time nor memory is spent on them."""

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        status, body = await forward(heard)
        if heard.path.endswith("/rolegroups"):
            body = json.dumps({**json.loads(body), "total": 10**15}).encode()
        await speaker.say(answer(status, body))

    async with between(bend) as site:
        ended = await run(shell, site, "user,role_group\nadmin,Developers\n", "--operation", "assign-role-group")
        assert [heard.method for heard in site.wire.heard if heard.method != "GET"] == []
        assert len(site.wire.heard) < 20
    assert (ended.code, ended.told["counts"]["pending"]) == (4, 1), ended.err
    assert "claims 1,000,000,000,000,000 rows: nothing was decided on it" in ended.told["reason"]


async def test_a_server_that_hangs_up_after_each_answer_costs_nothing(shell: Shell) -> None:
    """Without a word of it before: no call is lost on a connection that has ended."""

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        await speaker.say(answer(*await forward(heard)))
        speaker.hang_up()

    async with between(bend) as site:
        job = "email\n" + "\n".join(TRUTHFUL) + "\n"
        ended = await run(shell, site, job, "--operation", "invite", "--batch-size", "2")
        assert site.sent() == dict.fromkeys(TRUTHFUL, 1)
    assert (ended.code, ended.told["counts"]["succeeded"]) == (0, len(TRUTHFUL)), ended.err
