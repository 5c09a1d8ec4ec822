"""What `bulkops check` says of a target."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkops.cli.main import main
from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process
from bulkops.wiring import ADAPTERS

CONFIG = """
[targets.acme]
provider = "{vendor}"
organization = "{organization}"
base_url = "{url}"
[targets.acme.auth]
method = "{method}"
{secret}_env = "ACME_SECRET"
"""


def test_a_mock_and_the_seats_that_are_left_are_told_at_once(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a job is written for it."""
    vendor = "wiremock-cloud"
    monkeypatch.setitem(ADAPTERS, vendor, replace(ADAPTERS[vendor], caution=lambda _origin: "this is a mock"))
    with sandbox_process(people=20, options=["--vendor", vendor, "--quirks", '{"seat_limit": 99}']) as sandbox:
        told, said = check(shell.folder, vendor, sandbox, monkeypatch, capsys)
        assert told["caution"] == "this is a mock"
        assert 0 < told["seats_left"] < 99
        assert f"seats left for invitations: {told['seats_left']}" in said
        assert "CAUTION: this is a mock" in said


def test_a_caller_whom_nobody_names_is_no_application(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether the credentials are a person's cannot be told there."""
    vendor = "vmware-csp"
    with sandbox_process(people=20, options=["--vendor", vendor, "--quirks", '{"own_account": "missing"}']) as sandbox:
        told, said = check(shell.folder, vendor, sandbox, monkeypatch, capsys)
        assert told["caller"] == "an account that the target does not name"
        assert (told["seats_left"], told["caution"]) == (None, "")
        assert "CAUTION" not in said


def check(
    folder: Path,
    vendor: str,
    sandbox: SandboxProcess,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[dict[str, Any], str]:
    """What it prints for programs, and for people."""
    method, secret = ADAPTERS[vendor].simple
    config = CONFIG.format(
        vendor=vendor, method=method, secret=secret, organization=sandbox.organization, url=sandbox.url
    )
    file = folder / "bulkops.toml"
    file.write_text(config, encoding="utf-8")
    monkeypatch.setenv("ACME_SECRET", sandbox.token)
    assert main(["check", "--target", "acme", "--config", str(file), "--json"]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err
