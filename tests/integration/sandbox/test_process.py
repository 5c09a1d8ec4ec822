"""The process: what it prints, how it ends, and what survives its death."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bulkops.sandbox
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.sandbox.options import SandboxError
from bulkops.sandbox.state import MARK

SOURCE = str(Path(bulkops.sandbox.__file__).parents[2])
COMMAND = (sys.executable, "-m", "bulkops.sandbox", "--port", "0", "--people", "40")
PIPE = asyncio.subprocess.PIPE


async def spawn(*arguments: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    return await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
    )


@contextlib.asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """A process that said where it listens; killed in the end if it still runs."""
    process = await spawn("--json", *arguments)
    assert process.stdout is not None
    try:
        yield process, json.loads(await process.stdout.readline())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def post_invites(said: dict[str, str], *addresses: str) -> int:
    url = f"{said['url']}/accounts/api/organizations/{said['organization']}/invites"
    headers = {"Authorization": f"Bearer {said['token']}"}
    body = [{"email": address} for address in addresses]
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
        await answer.read()
        return answer.status


async def read(said: dict[str, str], name: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(f"{said['url']}/__sandbox/{name}") as answer:
        return await answer.json()


async def test_one_json_line_says_everything_needed() -> None:
    """Address, organisation and credentials; the address answers."""
    async with running() as (_, said):
        names = {"url", "vendor", "organization", "token", "client_id", "client_secret", "username", "password"}
        assert set(said) == names
        assert await post_invites(said, "a@new.test") == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    """Exit 0 and nothing on standard error, even while a call hangs."""
    async with running("--faults", '[{"kind": "hang"}]') as (process, said):
        call = asyncio.create_task(post_invites(said, "a@new.test"))
        while not (await read(said, "requests"))["requests"]:
            pass
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), 10)
        assert (process.returncode, errors) == (0, b"")
        with pytest.raises(aiohttp.ClientError):
            await call


async def test_it_ends_with_its_parent() -> None:
    """The end of standard input is the end of the sandbox."""
    async with running("--exit-on-eof") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_human_gets_a_configuration_to_paste() -> None:
    """The lines name the address, a target, the token's variable and where effects are seen."""
    process = await spawn()
    assert process.stdout is not None
    text = ""
    while "Ctrl-C" not in text:
        text += (await process.stdout.readline()).decode()
    process.terminate()
    await process.communicate()
    assert 'provider = "sandbox"' in text
    assert "export SANDBOX_TOKEN=sandbox-token" in text
    assert "/__sandbox/effects" in text


async def test_mistakes_are_one_line_and_exit_2(tmp_path: Path) -> None:
    """A port in use, a bad rule, a file that is none of ours: no traceback."""
    foreign = tmp_path / "foreign"
    foreign.write_text("hello\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        cases = {
            ("--port", str(taken.getsockname()[1])): b"cannot listen",
            ("--faults", '[{"kind": "explode"}]'): b"unknown kind",
            ("--state", str(foreign)): b"not a state file",
            ("--state", str(tmp_path)): b"cannot use state file",
            ("--quirks", '{"throttle": "418"}'): b"throttle",
        }
        processes = [(await spawn(*arguments), words) for arguments, words in cases.items()]
        for process, words in processes:
            output, errors = await process.communicate()
            assert process.returncode == 2
            assert words in errors
            assert (errors.count(b"\n"), output) == (1, b"")


async def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    """After kill -9 the restarted process has the same invites, deletions and counts, and goes on from there."""
    state = str(tmp_path / "state.jsonl")
    async with running("--state", state, "--seed", "7") as (process, said):
        for number in range(5):
            assert await post_invites(said, f"n{number}@new.test", "twice@new.test") == 200
        before, effects = await read(said, "state"), await read(said, "effects")
        process.kill()
        await process.wait()
    with Path(state).open("ab") as file:
        file.write(b'{"change":"send_inv')  # what a crash in mid-write leaves
    async with running("--state", state) as (_, said):
        after = await read(said, "state")
        assert {**after, "requests": 0} == {**before, "requests": 0}
        assert await read(said, "effects") == effects
        assert effects["people"]["twice@new.test"] == {"invite_sent": 5}
        assert await post_invites(said, "more@new.test") == 200
    async with running("--state", state) as (_, said):
        assert (await read(said, "effects"))["totals"] == {"invite_sent": 11}


async def test_kill_9_under_load_loses_no_answered_write(tmp_path: Path) -> None:
    """Every mail that a client was told of is in the file once, and at most the calls in flight besides."""
    state, told = str(tmp_path / "state.jsonl"), set()

    async def invite(said: dict[str, str], client: int) -> None:
        for number in range(10_000):
            address = f"c{client}.n{number}@new.test"
            await post_invites(said, address)
            told.add(address)

    async with running("--state", state) as (process, said):
        clients = [asyncio.create_task(invite(said, client)) for client in range(8)]
        while len(told) < 100:
            await read(said, "state")
        process.kill()
        ends = await asyncio.gather(*clients, return_exceptions=True)
        assert all(isinstance(end, aiohttp.ClientError) for end in ends)
    async with running("--state", state) as (_, said):
        people = (await read(said, "effects"))["people"]
    assert told <= people.keys()
    assert len(people) <= len(told) + len(clients)
    assert all(counts == {"invite_sent": 1} for counts in people.values())


async def test_a_reset_is_kept_too(tmp_path: Path, start: Any) -> None:
    """What was forgotten does not come back with the next start."""
    path = tmp_path / "state.jsonl"
    admin = await start(state=path)
    await admin.call("POST", "invites", [{"email": "a@new.test"}])
    await admin.call("POST", "/__sandbox/reset")
    await admin.call("POST", "invites", [{"email": "b@new.test"}])
    await admin.sandbox.stop()
    revived = await start(state=path)
    assert list(revived.sandbox.effects.view()["people"]) == ["b@new.test"]


async def test_a_write_in_flight_outlives_its_client() -> None:
    """The client is gone before the delay is over; the mail leaves all the same."""
    rules = '[{"kind": "delay_before", "seconds": 0.2, "path": "*/invites"}]'
    async with running("--faults", rules) as (_, said):
        call = asyncio.create_task(post_invites(said, "a@new.test"))
        while not (await read(said, "requests"))["requests"]:
            pass
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        async with asyncio.timeout(5):
            while (await read(said, "effects"))["totals"] != {"invite_sent": 1}:
                pass


async def test_dropped_connections_leave_no_noise() -> None:
    """Whatever is done to a connection, nothing is written to standard error."""
    kinds = ("refuse", "lose_before", "lose_after", "break_body", "html", "redirect", "partial")
    rules = json.dumps([{"kind": kind, "times": 1} for kind in kinds])
    async with running("--faults", rules) as (process, said):
        for _ in kinds:
            with contextlib.suppress(aiohttp.ClientError):
                await post_invites(said, "a@new.test")
        host, port = said["url"].removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /accounts/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{half")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert await post_invites(said, "b@new.test") == 200
        process.terminate()
        _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")


async def test_help_is_quick() -> None:
    """Asking for help does not load the HTTP library, and names every kind of fault."""
    script = "import sys; from bulkops.sandbox.__main__ import build_parser as b; print(b().format_help())"
    command = (sys.executable, "-c", f"{script}; sys.exit('aiohttp' in sys.modules)")
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert b"reject_items" in output


async def test_a_state_file_serves_one_sandbox_at_a_time(tmp_path: Path) -> None:
    """A second one is refused while the first lives, and one broken in the middle is refused by line."""
    path = tmp_path / "state.jsonl"
    async with Sandbox(SandboxOptions(people=5, state=path)):
        with pytest.raises(SandboxError, match="in use"):
            Sandbox(SandboxOptions(state=path))
    path.write_bytes(path.read_bytes() + b"rubbish\n")
    with pytest.raises(SandboxError, match="line 2"):
        Sandbox(SandboxOptions(state=path))


async def test_every_kind_of_change_is_replayed_alike(tmp_path: Path, start: Any) -> None:
    """A busy hour, read back from the file, gives the same lists as the living sandbox had."""
    path = tmp_path / "state.jsonl"
    admin = await start(state=path)
    one, two = await admin.user_id("inbox.one"), await admin.user_id("inbox.two")
    group, team, org = await admin.rolegroup("Developers"), await admin.team("Quality"), admin.sandbox.organization
    role = (await admin.rows("/accounts/api/roles"))[0]["role_id"]
    pending = (await admin.rows("invites"))[:3]
    needed = {"grant_types_allowed": ["password"], "applications_enabled": "all"}
    calls: list[tuple[str, str, Any]] = [
        ("POST", "invites", [{"email": "a@new.test"}]),
        ("POST", "invites/resend", [pending[0]["id"]]),
        ("DELETE", "invites", [pending[1]["id"]]),
        ("PUT", f"users/{one}", {"enabled": False, "email": "moved@acme.test"}),
        ("POST", f"rolegroups/{group}/users", [one, two]),
        ("DELETE", f"users/{one}/rolegroups/{group}", None),
        ("POST", f"users/{one}/roles", {role: {"org": org}}),
        ("DELETE", f"users/{one}/roles/{role}", {"org": org}),
        ("PATCH", f"teams/{team}/members", [{"id": i, "membership_type": "member"} for i in (one, two)]),
        ("DELETE", f"teams/{team}/members", [two]),
        ("POST", f"teams/{team}/roles", [{"role_id": role, "context_params": {"org": org}}]),
        ("PATCH", "connectedApplications/allowlist", [{"client_id": "new"}]),
        ("POST", "rolegroups", {"name": "New"}),
        ("POST", "teams", {"team_name": "New", "parent_team_id": team, "team_type": "private"}),
        ("PATCH", "connectedApplications/settings", {**needed, "allowlist_enabled": False}),
        ("DELETE", "users", [two]),
    ]
    for method, where, body in calls:
        assert (await admin.call(method, where, body)).status in (200, 201, 204), where
    assert (await admin.call("POST", "/__sandbox/accept-invite", {"email": "a@new.test"})).status == 200
    before = await snapshot(admin)
    await admin.sandbox.stop()
    revived = await start(state=path)
    assert await snapshot(revived) == before


async def snapshot(admin: Any) -> list[Any]:
    """Every list there is, and the count of effects."""
    paths = ["users", "invites", "rolegroups", "teams", "connectedApplications/allowlist"]
    lists = [await admin.rows(path) for path in paths]
    lists.append(await admin.rows("users", deleted="true"))
    lists += [await admin.rows(f"teams/{team['team_id']}/members") for team in lists[3]]
    lists += [await admin.rows(f"rolegroups/{group['role_group_id']}/users") for group in lists[2]]
    return [*lists, admin.sandbox.effects.view()]


@pytest.mark.parametrize("content", [b"a precious line without an end", b'{"mine": 1}', b'{"bulkops_sandbox_'])
def test_a_file_that_is_none_of_ours_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    """Not even an end that was cut short is taken off it."""
    path = tmp_path / "precious"
    path.write_bytes(content)
    with pytest.raises(SandboxError, match="not a state file"):
        Sandbox(SandboxOptions(people=2, state=path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("length", [0, 1, 10, len(MARK)])
def test_a_file_that_was_hardly_begun_is_begun_anew(tmp_path: Path, length: int) -> None:
    """A crash may leave any part of its first line."""
    path = tmp_path / "state"
    path.write_bytes(MARK[:length])
    Sandbox(SandboxOptions(people=2, state=path))._journal.close()
    assert path.read_bytes().startswith(MARK)
    assert path.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("vendor", ["vmware-csp", "wiremock-cloud"])
def test_a_service_without_an_empty_organisation_says_so(vendor: str) -> None:
    """In words, and before it listens."""
    with pytest.raises(SandboxError, match="--empty"):
        Sandbox(SandboxOptions(vendor=vendor, empty=True))
