"""What every provider must do, against its simulated organisation: the promises of `bulkops.providers.base`.

A provider joins by one `Subject`. What is true is asked of the simulator's own state, never over the wire.
"""
# ruff: noqa: S101 - these are tests, kept here so that other providers can run them too

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bulkops.config import Auth
from bulkops.errors import AccessError, ConfigError, StoppedError
from bulkops.fetch import walk
from bulkops.operations import OPERATIONS
from bulkops.providers.base import AnswerShape, Caller, Organization
from bulkops.sandbox import Sandbox
from bulkops.testing.desk import Desk, open_desk
from bulkops.testing.operation_contract import NO_WORDS, Bench, Case
from bulkops.transport import Scrubber
from bulkops.wiring import ADAPTERS, Overrides, open_organization

WRONG = "wr0ng-s3cret-wr0ng"


@dataclass(frozen=True, slots=True)
class Known:
    """A person or an invitation, as the simulator knows it. An invitation's address is its `email`."""

    id: str
    email: str
    username: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """One provider.

    `members` and `invitations` are what is true, in the listing's order: people who are members, invitations that are
    outstanding or expired. `login` is a method that gets its token by a login, and its secrets; None where there is
    none. `refused` is a method whose secrets can be wrong. `foreign` is an organisation that is not there.
    """

    vendor: str
    cases: Sequence[Case]
    members: Callable[[Sandbox], Sequence[Known]]
    invitations: Callable[[Sandbox], Sequence[Known]]
    foreign: str
    refused: tuple[str, Mapping[str, str]]
    login: tuple[str, Mapping[str, str]] | None = None


@asynccontextmanager
async def at_desk(
    subject: Subject, folder: Path, auth: tuple[str, Mapping[str, str]] | None = None, **target: Any
) -> AsyncIterator[tuple[Desk, Organization]]:
    """A desk, and the organisation opened as a run opens it."""
    if auth is not None:
        target["auth"] = written(folder, *auth)
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(folder, target, vendor=subject.vendor, people=230))
        org = await stack.enter_async_context(
            open_organization(
                desk.config.choose(None)[1],
                scrubber=Scrubber(),
                overrides=Overrides(),
                sandbox_state=folder / "unused",
                environ={},
            )
        )
        yield desk, org


def written(folder: Path, method: str, secrets: Mapping[str, str]) -> Auth:
    """The method with its secrets in files."""
    for name, secret in secrets.items():
        (folder / f"secret-{name}").write_text(secret, encoding="utf-8")
    return Auth.model_validate(
        {"method": method, **{f"{name}_file": str(folder / f"secret-{name}") for name in secrets}}
    )


class ProviderContract:
    """The suite. `subject` is the provider under test."""

    def test_what_it_supports_is_told_in_full(self, subject: Subject) -> None:
        """Known operations, sizes that fit each other, and words for every column."""
        adapter = ADAPTERS[subject.vendor]
        support = adapter.support(adapter.widest)
        assert set(support) == {case.kind for case in subject.cases}
        assert set(support) <= set(OPERATIONS)
        for kind, one in support.items():
            assert 1 <= one.batch_size <= one.max_batch, kind
            assert one.calls, kind
            assert one.answers is not AnswerShape.SINGLE or one.max_batch == 1, kind
            assert all(field.description for field in one.fields.model_fields.values()), kind
            assert not one.anew or one.answers is AnswerShape.SINGLE, kind
        assert all(field.description for field in adapter.options.model_fields.values())
        assert all(url.startswith("https://") for url in adapter.hosts.values())

    async def test_people_are_listed_completely_and_in_order(self, subject: Subject, tmp_path: Path) -> None:
        """Each once, over several pages, and as many as the total says."""
        async with at_desk(subject, tmp_path) as (desk, org):
            found = await walk(org.people())
            assert [one.id for one in found] == [one.id for one in subject.members(desk.sandbox)]
            assert len({one.id for one in found}) == len(found)
            assert all(one.id and (one.username or one.email) for one in found)
            page = await org.people().page(org.people().paging().first, 1)
            assert page.total in {None, len(found)}

    async def test_people_are_found_exactly_and_whatever_the_case(self, subject: Subject, tmp_path: Path) -> None:
        """By address, by username, by id; a part of a name is nobody's."""
        async with at_desk(subject, tmp_path) as (desk, org):
            one = subject.members(desk.sandbox)[-1]
            for name in (one.email, one.email.upper(), one.id, *([one.username.upper()] if one.username else [])):
                assert one.id in {found.id for found in await org.find_people(name)}, name
            for name in (one.email[1:], one.email[:-1], one.email.split("@")[1], f"x{one.email}"):
                assert await org.find_people(name) == [], name
            assert {found.id for found in await org.find_accounts(one.email)} >= {one.id}

    async def test_invitations_are_those_that_are_outstanding_or_expired(
        self, subject: Subject, tmp_path: Path
    ) -> None:
        """And they are found by their address, whatever its case, and by their id."""
        async with at_desk(subject, tmp_path) as (desk, org):
            known = subject.invitations(desk.sandbox)
            found = await walk(org.invitations())
            assert {one.id for one in found if not one.closed} == {one.id for one in known}
            for one in (known[0], known[-1]):
                assert one.id in {seen.id for seen in await org.find_invitations(one.email.upper())}
                assert [seen.id for seen in await org.find_invitations(one.id)] == [one.id]
            assert await org.find_invitations(f"x{known[0].email}") == []

    async def test_kinds_that_it_lacks_are_told(self, subject: Subject, tmp_path: Path) -> None:
        """By a KeyError, before any call."""
        async with at_desk(subject, tmp_path) as (desk, org):
            for listing in (lambda: org.named("spaceship"), lambda: org.links("spaceship", "x")):
                with pytest.raises(KeyError):
                    listing()
            assert list(desk.sandbox.requests) == []

    async def test_who_administers_is_known_or_said_to_be_nobody(self, subject: Subject, tmp_path: Path) -> None:
        """What makes an administrator can be found by its name, and its holders are members."""
        async with at_desk(subject, tmp_path) as (desk, org):
            if not org.administrators:
                return
            named = await walk(org.named(org.administered_by))
            office = [one for one in named if org.administrators in {one.id, one.name}]
            assert len(office) == 1
            holders = {link.key for link in await walk(org.links(org.administered_by, office[0].id))}
            assert holders
            assert holders <= {one.id for one in subject.members(desk.sandbox)}

    async def test_an_expired_token_is_renewed_once_for_all(self, subject: Subject, tmp_path: Path) -> None:
        """Twenty calls meet it, and one login follows."""
        if subject.login is None:
            pytest.skip("its credentials are no token of a login")
        async with at_desk(subject, tmp_path, subject.login) as (desk, org):
            await org.facts()
            before = logins(desk.sandbox)
            desk.sandbox.expire_tokens()
            await asyncio.gather(*(org.facts() for _ in range(20)))
            assert (before, logins(desk.sandbox)) == (1, 2)

    async def test_refused_credentials_stop_at_once_and_show_nothing(self, subject: Subject, tmp_path: Path) -> None:
        """They are a matter of access; the message has no secret."""
        async with at_desk(subject, tmp_path, subject.refused) as (desk, org):
            with pytest.raises(AccessError) as caught:
                await org.facts()
            assert not [secret for secret in subject.refused[1].values() if secret in str(caught.value)]
            assert len(list(desk.sandbox.requests)) <= 2

    async def test_an_organisation_that_is_not_there_is_a_matter_of_configuration(
        self, subject: Subject, tmp_path: Path
    ) -> None:
        """Told before anything else."""
        async with at_desk(subject, tmp_path, organization=subject.foreign) as (_desk, org):
            with pytest.raises((ConfigError, AccessError), match=r"organi[sz]ation|right"):
                await org.facts()

    async def test_the_facts_and_the_caller_are_told(self, subject: Subject, tmp_path: Path) -> None:
        """Of this organisation; the caller is a member or nobody known."""
        async with at_desk(subject, tmp_path) as (desk, org):
            facts, caller = await org.facts(), await org.caller()
            assert facts.id
            assert facts.name
            assert isinstance(caller, Caller)
            members = await walk(org.people())
            assert [caller.is_person(one) for one in members].count(True) <= 1
            assert not caller.id or caller.id in {one.id for one in subject.members(desk.sandbox)}

    async def test_a_server_that_fails_every_read_stops_the_run(
        self, subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After some tries; nothing is decided on it."""
        monkeypatch.setattr("bulkops.transport.session.full_jitter", lambda *_args, **_named: 0.0)
        async with at_desk(subject, tmp_path) as (desk, org):
            desk.sandbox.faults.add("status", status=500, body="down")
            with pytest.raises(StoppedError):
                await walk(org.people())

    async def test_each_operation_has_its_effect_once(self, subject: Subject, tmp_path: Path) -> None:
        """One row of each, sent as a run sends it."""
        for case in subject.cases:
            folder = tmp_path / case.kind
            folder.mkdir()
            async with open_desk(folder, {"settling_s": 0.01}, vendor=subject.vendor, people=130) as desk:
                bench = Bench(case, desk)
                rows = bench.fresh(1)
                result = await bench.run()
                assert (result.counts.succeeded, result.error) == (1, None), case.kind
                assert rows[0].done(), case.kind
                assert len(bench.writes()) == case.calls, case.kind

    async def test_a_refusal_keeps_the_vendors_words(self, subject: Subject, tmp_path: Path) -> None:
        """With a code of ours, the status, and without any secret."""
        for case in subject.cases:
            folder = tmp_path / case.kind
            folder.mkdir()
            async with open_desk(folder, {"settling_s": 0.01}, vendor=subject.vendor, people=130) as desk:
                bench = Bench(case, desk)
                bench.refuse(bench.fresh(1)[0], status=422, body={"message": f"{NO_WORDS}: {desk.sandbox.token}"})
                await bench.run()
                (told,) = bench.results()
                assert (told["_outcome"], told["_error"], told["_http_status"]) == ("failed", "invalid", "422")
                assert NO_WORDS in told["_message"], case.kind
                assert desk.sandbox.token not in told["_message"], case.kind


def logins(sandbox: Sandbox) -> int:
    """How many tokens were asked for."""
    return sum(one["method"] == "POST" and "auth" in one["path"] + str(one["body"]) for one in sandbox.requests)
