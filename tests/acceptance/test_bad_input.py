"""Every way to be wrong gets a message that says where and what to do, the right exit code, and no traceback."""

from __future__ import annotations

import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from bulkops.testing.processes import Ended, SandboxProcess, Shell

FILES: dict[str, tuple[str, bytes | None, tuple[str, ...]]] = {
    "missing": ("hires.csv", None, ("hires.csv", "does not exist")),
    "empty": ("hires.csv", b"", ("empty",)),
    "binary": ("hires.csv", b"\x00\x01\x02\xff" * 50, ("hires.csv",)),
    "a workbook": ("hires.xlsx", b"PK\x03\x04" + b"\x00" * 100, ("CSV UTF-8",)),
    "UTF-16": ("hires.csv", "email\na@b.test\n".encode("utf-16"), ("UTF-16",)),
    "Windows-1252": ("hires.csv", "email,_n\na@b.test,Zoë\n".encode("cp1252"), ("line 2", "UTF-8")),
    "a header only": ("hires.csv", b"operation,email\n", ("hires.csv",)),
    "a ragged row": ("hires.csv", b"operation,email\ninvite,a@b.test,more,cells\n", ("line 2",)),
    "a huge cell": ("hires.csv", b"operation,email\ninvite," + b"x" * 1_000_000 + b"\n", ("line 2", "characters")),
    "duplicate columns": ("hires.csv", b"email,email\na@b.test,c@d.test\n", ("email",)),
    "a missing column": ("hires.csv", b"operation,mail\ninvite,a@b.test\n", ("email",)),
    "an unknown operation": ("hires.csv", b"operation,email\ninvit,a@b.test\n", ("invit", "invite")),
    "a bad address": ("hires.csv", b"operation,email\ninvite,nobody\n", ("line 2", "email", "nobody")),
    "an open quote": ("hires.csv", b'operation,email\ninvite,"a@b.test\ninvite,c@d.test\n', ("line 2",)),
    "broken JSON": ("hires.json", b'{"operation": "invite", "items": [{"email": "a@b.test"', ("hires.json", "line")),
    "an unknown key": ("hires.json", b'{"operatoin": "invite", "items": [{"email": "a@b.test"}]}', ("operation",)),
    "an unknown option": (
        "hires.json",
        b'{"operation": "invite", "options": {"rat": "5/s"}, "items": [{"email": "a@b.test"}]}',
        ("rat", "rate"),
    ),
    "an item that is no object": ("hires.json", b'{"operation": "invite", "items": ["a@b.test"]}', ("hires.json",)),
    "a broken line": ("hires.jsonl", b'{"operation": "invite", "email": "a@b.test"}\n{"email"\n', ("line 2",)),
}


def refused(ended: Ended, code: int, *words: str) -> None:
    """The command ended with `code`, said `words`, and showed no traceback."""
    assert ended.code == code, (ended.code, ended.out, ended.err)
    assert "Traceback" not in ended.err + ended.out
    for word in words:
        assert word in ended.err, (word, ended.err)


@pytest.mark.parametrize(("name", "content", "words"), FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_bad_job_file_is_explained(
    shell: Shell, command: str, name: str, content: bytes | None, words: tuple[str, ...]
) -> None:
    """Exit 2, the file, the place, what to do; no run is left behind."""
    if content is not None:
        shell.write(name, content)
    options = ["--yes"] if command == "run" else []
    refused(shell.bulkops(command, name, "--target", "sandbox", *options), 2, *words)
    runs = shell.folder / ".bulkops" / "runs"
    assert not runs.exists() or not list(runs.iterdir())


def test_all_bad_rows_are_told_at_once(shell: Shell) -> None:
    """Three bad rows of five: three lines, each with its own place."""
    rows = ["a@b.test", "nobody", "c@d.test", "x y@z.test", "Bo <bo@b.test>"]
    shell.write("hires.csv", "operation,email\n" + "".join(f"invite,{row}\n" for row in rows))
    ended = shell.bulkops("validate", "hires.csv", "--json")
    refused(ended, 2, "line 3", "line 5", "line 6", "bo@b.test")
    assert [problem["line"] for problem in ended.told["problems"]] == [3, 5, 6]


def test_excels_own_csv_is_read(shell: Shell) -> None:
    """A byte order mark, semicolons, Windows line ends, a quoted line break: all fine."""
    text = '\ufeffEmail;Operation;_Note\r\nA@b.test;invite;"two\r\nlines"\r\n\r\nc@d.test;invite;\r\n'
    shell.write("hires.csv", text.encode("utf-8"))
    ended = shell.bulkops("validate", "hires.csv", "--json")
    assert ended.code == 0, ended.err
    assert ended.told["valid_rows"] == 2


def test_a_folder_is_not_a_job_file(shell: Shell) -> None:
    """A directory is named as one."""
    (shell.folder / "jobs").mkdir()
    refused(shell.bulkops("run", "jobs", "--target", "sandbox", "--yes"), 2, "folder")


CONFIGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "broken TOML": ("[targets.acme\n", ("bulkops.toml", "TOML")),
    "an unknown key": ('[targets.acme]\nprovider = "sandbox"\nregoin = "us"\n', ("regoin", "region")),
    "an unknown provider": ('[targets.acme]\nprovider = "anypont"\n', ("anypoint",)),
    "a literal secret": (
        (
            '[targets.acme]\nprovider = "anypoint"\norganization = "x"\n'
            '[targets.acme.auth]\nmethod = "bearer"\ntoken = "s3cr3t-value"\n'
        ),
        ("token_env",),
    ),
    "an unset variable": (
        (
            '[targets.acme]\nprovider = "anypoint"\norganization = "x"\nbase_url = "http://127.0.0.1:9"\n'
            '[targets.acme.auth]\nmethod = "bearer"\ntoken_env = "NOT_SET_ANYWHERE"\n'
        ),
        ("NOT_SET_ANYWHERE",),
    ),
    "a provider that there is not": (
        (
            '[targets.acme]\nprovider = "wiremock"\norganization = "x"\n'
            '[targets.acme.auth]\nmethod = "api-key"\napi_key_env = "K"\n'
        ),
        ("wiremock-cloud",),
    ),
    "an option that the provider lacks": (
        (
            '[targets.acme]\nprovider = "wiremock-cloud"\norganization = "x"\n'
            "options = { undocumented_role_call = true }\n"
            '[targets.acme.auth]\nmethod = "api-key"\napi_key_env = "K"\n'
        ),
        ("undocumented_role_call", "undocumented_role_calls"),
    ),
}


@pytest.mark.parametrize(("text", "words"), CONFIGS.values(), ids=CONFIGS.keys())
def test_a_bad_configuration_is_explained(shell: Shell, text: str, words: tuple[str, ...]) -> None:
    """Exit 2, the file, the key, what to write instead; never the secret."""
    shell.write("bulkops.toml", text)
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    ended = shell.bulkops("run", "hires.csv", "--target", "acme", "--yes")
    refused(ended, 2, *words)
    assert "s3cr3t-value" not in ended.err + ended.out


def test_an_unknown_target_names_the_nearest(shell: Shell) -> None:
    """A typing mistake in --target is told with the name that was meant."""
    shell.write("bulkops.toml", '[targets.acme]\nprovider = "sandbox"\n')
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    refused(shell.bulkops("run", "hires.csv", "--target", "acmee", "--yes"), 2, "'acme'")


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("run",),
        ("run", "x.csv", "--concurrency", "0"),
        ("run", "x.csv", "--rate", "fast"),
        ("run", "x.csv", "--max-failures", "many"),
        ("run", "x.csv", "--reserve", "2"),
        ("run", "x.csv", "--run-id", "../../etc"),
        ("resume", "nothing"),
        ("show",),
        ("report",),
        ("retry",),
        ("operations", "invte"),
        ("validate", "--config", "nowhere.toml", "x.csv"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    """Every wrong option or name is exit 2 with a sentence."""
    shell.write("x.csv", "operation,email\ninvite,a@b.test\n")
    refused(shell.bulkops(*arguments), 2, "bulkops:")


def test_an_unreachable_host_stops_the_run_resumably(shell: Shell, sandbox: SandboxProcess) -> None:
    """Exit 4, the address named, every row pending."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shell.configure(sandbox)
    text = (shell.folder / "bulkops.toml").read_text().replace(sandbox.url, f"http://127.0.0.1:{port}")
    shell.write("bulkops.toml", text)
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    ended = shell.bulkops("run", "hires.csv", "--yes", "--json")
    refused(ended, 4, str(port))
    assert ended.told["counts"]["pending"] == 1
    assert ended.told["next_command"].startswith("bulkops resume")


def test_a_wrong_organisation_is_a_configuration_fault(shell: Shell, sandbox: SandboxProcess) -> None:
    """Exit 2 or 5, the organisation named, nothing sent."""
    shell.configure(sandbox)
    wrong = "00000000-1111-4222-8333-444444444444"
    text = (shell.folder / "bulkops.toml").read_text().replace(sandbox.organization, wrong)
    shell.write("bulkops.toml", text)
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    ended = shell.bulkops("run", "hires.csv", "--yes")
    assert ended.code in {2, 5}
    refused(ended, ended.code, "organi")
    assert sandbox.effects("invite_sent") == {}


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    """A TLS server whose certificate nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def serve() -> None:
            listener.settimeout(0.1)
            while not ended.is_set():
                try:
                    raw, _ = listener.accept()
                    raw.settimeout(2)
                    with context.wrap_socket(raw, server_side=True) as secured:
                        secured.recv(1)
                except (OSError, ssl.SSLError):
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        ended.set()
        thread.join(timeout=5)


def test_an_untrusted_certificate_is_told_as_such(shell: Shell, sandbox: SandboxProcess, tls_port: int) -> None:
    """Exit 2, TLS named, and `ca_file` as the way out."""
    shell.configure(sandbox)
    text = (shell.folder / "bulkops.toml").read_text().replace(sandbox.url, f"https://127.0.0.1:{tls_port}")
    shell.write("bulkops.toml", text)
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    refused(shell.bulkops("run", "hires.csv", "--yes"), 2, "TLS", "ca_file")


def test_a_runs_folder_that_is_a_file_is_told(shell: Shell) -> None:
    """Exit 2 and the option that names another."""
    shell.write("taken", "")
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    ended = shell.bulkops("run", "hires.csv", "--target", "sandbox", "--yes", "--runs-dir", "taken")
    refused(ended, 2, "taken", "--runs-dir")


def test_a_runs_folder_that_may_not_be_written_is_told(shell: Shell) -> None:
    """Exit 2; as an ordinary user, since the superuser may write everywhere."""
    closed = shell.folder / "closed"
    closed.mkdir(mode=0o500)
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    ended = shell.bulkops("run", "hires.csv", "--target", "sandbox", "--yes", "--runs-dir", "closed/runs")
    refused(ended, 2, "closed")


def test_a_run_id_that_is_taken_is_refused(shell: Shell, sandbox: SandboxProcess) -> None:
    """Exit 3, and the command that continues the run of that name."""
    shell.configure(sandbox)
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    assert shell.bulkops("run", "hires.csv", "--yes", "--run-id", "r").code == 0
    refused(shell.bulkops("run", "hires.csv", "--yes", "--run-id", "r"), 3, "bulkops resume r")


def test_a_damaged_ledger_is_not_trusted(shell: Shell, sandbox: SandboxProcess) -> None:
    """Exit 4 and what cannot be trusted; nothing is sent."""
    shell.configure(sandbox)
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    assert shell.bulkops("run", "hires.csv", "--yes", "--run-id", "r").code == 0
    ledger = shell.folder / ".bulkops" / "runs" / "r" / "ledger.sqlite"
    ledger.write_bytes(b"not a database at all" * 100)
    before = len(sandbox.get("requests")["requests"])
    refused(shell.bulkops("resume", "r"), 4, "ledger.sqlite")
    assert len(sandbox.get("requests")["requests"]) == before


def test_a_changed_snapshot_is_not_trusted(shell: Shell, sandbox: SandboxProcess) -> None:
    """Rows are known by their place in the snapshot: one that was edited refuses the resume."""
    shell.configure(sandbox)
    shell.write("hires.csv", "operation,email\ninvite,a@b.test\n")
    assert shell.bulkops("run", "hires.csv", "--yes", "--run-id", "r").code == 0
    (shell.folder / ".bulkops" / "runs" / "r" / "input.csv").write_text("operation,email\ninvite,z@b.test\n")
    refused(shell.bulkops("resume", "r"), 4, "input.csv")


def test_a_full_disk_stops_the_run_and_the_resume_finishes(shell: Shell, sandbox: SandboxProcess) -> None:
    """The record has no room: sending stops, and with room again everything is done once."""
    shell.configure(sandbox)
    rows = "".join(f"invite,h{number}@new.test,{'x' * 20}\n" for number in range(3000))
    shell.write("hires.csv", "operation,email,_note\n" + rows)
    program = "import sys; from bulkops.cli.main import main; sys.exit(main(sys.argv[1:]))"
    # no file of this process may grow past 160 kB: the snapshot fits, the ledger's log does not
    command = [
        sys.executable,
        "-c",
        program,
        "run",
        "hires.csv",
        "--yes",
        "--json",
        "--run-id",
        "r",
        "--batch-size",
        "1",
    ]
    process = subprocess.Popen(
        command,
        cwd=shell.folder,
        env={**os.environ, **shell.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (160_000, 160_000)),  # noqa: PLW1509
    )
    out, err = process.communicate(timeout=60)
    refused(Ended(process.returncode, out, err), 4)
    told = json.loads(out.strip().splitlines()[-1])
    assert told["counts"]["total"] == 3000
    sent = len(sandbox.effects("invite_sent"))
    assert 0 < sent < 3000
    ended = shell.bulkops("resume", "r", "--json", "--batch-size", "50")
    assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 3000), ended.err
    assert set(sandbox.effects("invite_sent").values()) == {1}
    assert len(sandbox.effects("invite_sent")) == 3000
