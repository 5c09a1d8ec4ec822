"""The organisation as a whole: the same for the same seed, and rebuilt from its file."""

import asyncio
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import bulkops.sandbox
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.sandbox.options import SandboxError
from bulkops.sandbox.vmware_csp.quirks import Quirks

SERVICE = "tcq4LTfyZ_-UPdPAJIi2LhnvxmE_"


def sandbox(**options: Any) -> Sandbox:
    return Sandbox(SandboxOptions(**{"vendor": "vmware-csp", "people": 60, "clock": lambda: 1e9, **options}))


def test_a_seed_makes_the_organisation() -> None:
    """The same seed gives the same people, groups and invitations, another one gives others."""
    assert sandbox().inventory() == sandbox().inventory()
    assert sandbox().inventory()["users"] != sandbox(seed=2).inventory()["users"]


@pytest.mark.parametrize("people", [2, 3, 60, 400])
def test_there_are_as_many_people_as_were_wanted(people: int) -> None:
    """Whatever their number, an owner and an administrator are among them, and every id is `domain:guid`."""
    found = sandbox(people=people)
    assert found.summary()["people"] == people
    users = found.inventory()["users"]
    assert {"owner@acme.test", "admin@acme.test"} <= {user["username"] for user in users.values()}
    assert all(user_id.count(":") == 1 for user_id in users)


async def test_everything_is_rebuilt_from_the_file(tmp_path: Path, start: Any) -> None:
    """After changes of every kind a second start has the same organisation and the same effects."""
    path = tmp_path / "state.jsonl"
    csp = await start(state=path, quirks={"group_stranger": "invite"})
    ids = await csp.plain_ids(4)
    group, other = await csp.group("Network Operations"), await csp.group("Backup & Restore")
    name = (await csp.users())[0]["user"]["username"]
    role = {"organizationRoles": {"rolesToAdd": [{"name": "support_user", "expiresAt": 2_000_000_000}]}}
    calls: list[tuple[str, str, Any]] = [
        ("POST", "invitations", {"usernames": ["a@new.test", "b@new.test", "c@partner.test"]}),
        ("POST", "invitations?action=revoke", {"usernames": ["b@new.test"]}),
        ("DELETE", "~/v2/orgs/{org}/users", {"ids": ids[:2]}),
        ("PATCH", f"~/v3/users/{ids[2]}/orgs/{{org}}/roles", role),
        ("POST", "groups", {"name": "Fresh"}),
        ("POST", f"groups/{group['id']}/users", {"usernamesToAdd": [name, "d@new.test", "e@partner.test"]}),
        ("DELETE", f"groups/{group['id']}/users", {"ids": [await csp.user_id(name)]}),
        ("PATCH", f"groups/{group['id']}/roles", role),
        ("DELETE", "groups", {"ids": [other["id"]]}),
    ]
    for method, where, body in calls:
        assert (await csp.call(method, where, body)).status in (200, 202), where
    csp.sandbox.accept_invite(email="a@new.test", first_name="Ann", last_name="New")
    before = csp.sandbox.inventory(), csp.sandbox.effects.view(), await csp.users("includeGroupIdsInRoles")
    await csp.sandbox.stop()
    revived = await start(state=path, vendor="anypoint")  # the file's own service wins
    after = revived.sandbox.inventory(), revived.sandbox.effects.view(), await revived.users("includeGroupIdsInRoles")
    assert after == before
    totals = before[1]["totals"]
    assert {"invite_sent": 5, "invite_revoked": 1, "invite_accepted": 1, "user_deleted": 2}.items() <= totals.items()


async def test_a_reset_brings_the_beginning_back(csp: Any) -> None:
    """State and effects are as after the start."""
    before = csp.sandbox.inventory()
    await csp.call("POST", "invitations", {"usernames": ["a@new.test"]})
    await csp.remove(await csp.plain_ids(3))
    assert (await csp.call("POST", "/__sandbox/reset")).status < 300
    assert csp.sandbox.inventory() == before
    assert csp.sandbox.effects.view()["totals"] == {}


async def test_settings_and_invitations_over_its_own_endpoints(csp: Any) -> None:
    """A quirk is changed while it runs, and a person follows an invitation, once."""
    answer = await csp.call("PATCH", "/__sandbox/settings", {"quirks": {"page_start": "pages"}})
    assert answer.json["quirks"]["page_start"] == "pages"
    wanted = {"email": "pending.1@acme.test"}
    assert (await csp.call("POST", "/__sandbox/accept-invite", wanted)).status == 200
    assert (await csp.call("POST", "/__sandbox/accept-invite", wanted)).status == 400
    assert (await csp.call("POST", "/__sandbox/accept-invite", {"email": "expired.1@acme.test"})).status == 400


@pytest.mark.parametrize(
    "quirks",
    [
        {"page_start": "bytes"},
        {"missing_rows": -1},
        {"forbid": ["moon:write"]},
        {"account_domains": "partner.test"},
        {"pagestart": "items"},
        {"invite_needs_roles": 1},
    ],
)
def test_an_unknown_quirk_is_refused(quirks: dict[str, Any]) -> None:
    """The message is one line for a person."""
    with pytest.raises(SandboxError, match=next(iter(quirks))[:4]):
        sandbox(quirks=quirks)


async def test_secrets_do_not_stand_among_the_requests(csp: Any) -> None:
    """Not the API token, not the passcode, wherever they were sent."""
    path = "~/auth/api-tokens/authorize"
    await csp.call("POST", path, data={"api_token": "api-secret", "passcode": "pass-secret"})
    await csp.call("POST", f"{path}?refresh_token=query-secret")
    seen = (await csp.call("GET", "/__sandbox/requests")).raw
    assert b"-secret" not in seen
    assert seen.count(b"api-tokens/authorize") == 2


async def test_the_greeting_is_a_target_to_paste() -> None:
    """The process says which service it is, in lines that are TOML, and which variable holds the token."""
    environment = {**os.environ, "PYTHONPATH": str(Path(bulkops.sandbox.__file__).parents[2])}
    command = (sys.executable, "-m", "bulkops.sandbox", "--vendor", "vmware-csp", "--port", "0", "--people", "5")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    assert process.stdout is not None
    text = ""
    while "Ctrl-C" not in text:
        text += (await process.stdout.readline()).decode()
    process.terminate()
    await process.communicate()
    lines = text[text.index("[targets.try]") : text.index("and the token")]
    target = tomllib.loads(lines)["targets"]["try"]
    assert target["provider"] == "vmware-csp"
    assert target["auth"] == {"method": "bearer", "token_env": "SANDBOX_TOKEN"}
    assert "export SANDBOX_TOKEN=sandbox-token" in text


def test_every_quirk_is_explained() -> None:
    """docs/sandbox.md has each name with its default, and the class says what each value does."""
    table = (Path(__file__).parents[4] / "docs" / "sandbox.md").read_text(encoding="utf-8").partition("## VMware")[2]
    for name, value in sandbox().settings()["quirks"].items():
        assert f"`{name}`" in table, name
        assert f"{name}:" in (Quirks.__doc__ or "") or f"; {name}" in (Quirks.__doc__ or ""), name
        if isinstance(value, str):
            assert f"`{value}`" in table, value
