"""What a state file keeps, and what the process says when it starts."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import bulkops.sandbox
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.sandbox.options import SandboxError


async def test_every_kind_of_change_is_replayed_alike(tmp_path: Path, start: Any) -> None:
    """A busy hour, read back from the file, gives the same organisation and the same count."""
    path = tmp_path / "state.jsonl"
    cloud = await start(state=path)
    ann, joann = await cloud.user_id("ann@acme.test"), await cloud.user_id("joann@acme.test")
    team, other = await cloud.team("Quality"), await cloud.team("Integration")
    api = next(iter(cloud.sandbox.inventory()["mock_apis"]))
    pending = (await cloud.get("org/invitations"))["invitations"][0]["links"]["self"]
    member = {"member": {"memberId": ann, "permissionFriendlyId": "team_member"}}
    await cloud.invite("a@hire.test", "team_member", aclObjectId=team["aclObject"])
    calls: list[tuple[str, str, Any]] = [
        ("DELETE", pending, None),
        ("POST", f"teams/{team['id']}/members", member),
        ("PUT", f"teams/{team['id']}/acl/user/{ann}", {"grant": {"role": "team_admin"}}),
        ("PUT", f"org/acl/user/{ann}", {"grant": {"role": "organisation_admin"}}),
        ("PUT", f"mock-apis/{api}/acl/user/{ann}", {"grant": {"role": "mock_api_user"}}),
        ("DELETE", f"mock-apis/{api}/acl/user/{ann}", None),
        ("POST", "teams", {"team": {"name": "New"}}),
        ("DELETE", f"teams/{other['id']}", None),
        ("DELETE", f"org/members/{joann}", None),
        ("DELETE", f"users/{await cloud.user_id('owner@acme.test')}", None),
        ("POST", "/__sandbox/accept-invite", {"email": "a@hire.test"}),
    ]
    for method, where, body in calls:
        assert (await cloud.call(method, where, body)).status in (200, 201, 204), where
    before, effects = cloud.sandbox.inventory(), cloud.sandbox.effects.view()
    await cloud.sandbox.stop()
    revived = await start(state=path, people=7, seed=9, vendor="anypoint")
    assert revived.sandbox.vendor.name == "wiremock-cloud"
    assert revived.sandbox.inventory() == before
    assert revived.sandbox.effects.view() == effects
    assert (await revived.invite("b@hire.test")).status == 201


async def test_the_same_seed_makes_the_same_organisation(start: Any) -> None:
    """Another one makes another, and a reset goes back to the beginning."""
    one, two, three = await start(), await start(), await start(seed=2)
    base = one.sandbox.inventory()
    assert two.sandbox.inventory() == base
    assert three.sandbox.inventory()["users"].keys().isdisjoint(list(base["users"])[:10])
    await one.invite("new@hire.test")
    assert (await one.call("POST", "/__sandbox/reset")).status == 200
    assert one.sandbox.inventory() == base
    assert one.effects() == {}


@pytest.mark.parametrize("people", [2, 3, 1000])
async def test_any_number_of_people_is_what_was_asked_for(start: Any, people: int) -> None:
    """Ids are unique and of five to ten characters."""
    cloud = await start(people=people)
    assert cloud.sandbox.summary()["people"] == people
    inventory = cloud.sandbox.inventory()
    ids = [
        *inventory["users"],
        *inventory["teams"],
        *inventory["mock_apis"],
        *(row["id"] for row in inventory["invites"]),
    ]
    assert len(ids) == len(set(ids))
    assert all(5 <= len(one) <= 10 for one in ids)


@pytest.mark.parametrize("organization", ["abc", "5a4db0c5-0000-4000-8000-000000000001", "Acme1"])
def test_an_id_that_no_organisation_can_have_is_refused(organization: str) -> None:
    """In one line."""
    with pytest.raises(SandboxError, match="5 to 10"):
        Sandbox(SandboxOptions(vendor="wiremock-cloud", organization=organization))


async def test_a_human_gets_a_configuration_to_paste() -> None:
    """The greeting names the provider, the key's variable and the organisation."""
    source = str(Path(bulkops.sandbox.__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bulkops.sandbox", "--vendor", "wiremock-cloud", "--port", "0", "--people", "9"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": source},
    )
    assert process.stdout is not None
    text = ""
    while "Ctrl-C" not in text:
        line = await process.stdout.readline()
        assert line, text
        text += line.decode()
    process.terminate()
    await process.communicate()
    assert text.startswith("Sandbox organisation acm3g (9 people)")
    assert 'provider = "wiremock-cloud"' in text
    assert 'api_key_env = "SANDBOX_API_KEY"' in text
    assert "export SANDBOX_API_KEY=sandbox-token" in text
