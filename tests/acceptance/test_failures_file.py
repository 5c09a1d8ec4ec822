"""The failures file is itself a job file, whatever the rows held."""

from __future__ import annotations

import json

from bulkops.testing.processes import SandboxProcess, Shell


def test_names_that_hold_the_separator_come_back_as_they_were(shell: Shell, sandbox: SandboxProcess) -> None:
    """Lists of a JSON job are cells of failures.csv; run again, they mean the same groups."""
    shell.configure(sandbox)
    groups = ["Build; Ship", "[ops]"]
    shell.write(
        "groups.json",
        json.dumps({"operation": "create-role-group", "items": [{"name": name} for name in groups]}),
    )
    assert shell.bulkops("run", "groups.json", "--yes").code == 0
    people = [{"email": "a@new.test", "role_groups": groups}, {"email": "b@new.test", "role_groups": groups[1:]}]
    shell.write("people.json", json.dumps({"operation": "invite", "items": people}))
    sandbox.send(
        "POST", "faults", [{"kind": "status", "status": 400, "body": {}, "method": "POST", "path": "*/invites"}]
    )
    failed = shell.bulkops("run", "people.json", "--yes", "--json")
    assert (failed.code, failed.told["counts"]["failed"]) == (1, 2), failed.err
    sandbox.send("DELETE", "faults", None)
    ended = shell.bulkops("run", failed.told["failures_file"], "--operation", "invite", "--yes", "--json")
    assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 2), ended.err
    assert sandbox.effects("invite_sent") == {"a@new.test": 1, "b@new.test": 1}
    listed = sandbox.call("GET", f"/accounts/api/organizations/{sandbox.organization}/invites?limit=500")["data"]
    invited = {one["invited_email"]: [group["name"] for group in one.get("role_groups", ())] for one in listed}
    assert sorted(invited["a@new.test"]) == groups
    assert invited["b@new.test"] == groups[1:]
