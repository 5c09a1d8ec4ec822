"""The real command and the real sandbox, each as a process of its own, as a user has them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class SandboxProcess:
    """A running sandbox. `token` is its fixed one."""

    url: str
    organization: str
    token: str

    def get(self, path: str) -> Any:
        """A control answer, decoded."""
        with urllib.request.urlopen(f"{self.url}/__sandbox/{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def call(self, method: str, path: str) -> Any:
        """A call of the vendor's own API, with the fixed token; the decoded answer."""
        request = urllib.request.Request(
            self.url + path, headers={"Authorization": f"Bearer {self.token}"}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def outstanding(self) -> list[str]:
        """The addresses of some invitations that were sent long ago and are not accepted yet."""
        listed = self.call("GET", f"/accounts/api/organizations/{self.organization}/invites?limit=100")["data"]
        return [one["invited_email"] for one in listed if one["status"] == "INVITED"]

    def allowed(self) -> list[str]:
        """The client ids on the allowlist, sorted."""
        path = f"/accounts/api/organizations/{self.organization}/connectedApplications/allowlist"
        listed = self.call("GET", f"{path}?limit=500")
        return sorted(one["client_id"] for one in (listed["data"] if isinstance(listed, dict) else listed))

    def send(self, method: str, path: str, body: Any) -> None:
        """A control call with a JSON body."""
        request = urllib.request.Request(
            f"{self.url}/__sandbox/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        urllib.request.urlopen(request, timeout=30).close()

    def effects(self, effect: str) -> dict[str, int]:
        """How often `effect` really took place, by person."""
        people = self.get(f"effects?effect={effect}")["people"]
        return {name: counted[effect] for name, counted in people.items()}


@contextlib.contextmanager
def sandbox_process(
    *, people: int = 200, faults: Sequence[Mapping[str, Any]] = (), options: Sequence[str] = ()
) -> Iterator[SandboxProcess]:
    """A sandbox in its own process, gone at the end."""
    command = [sys.executable, "-m", "bulkops.sandbox", "--port", "0", "--json", "--people", str(people)]
    process = subprocess.Popen(
        [*command, "--faults", json.dumps(list(faults)), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        line = process.stdout.readline() if process.stdout else b""
        told = json.loads(line)
        yield SandboxProcess(told["url"], told["organization"], told["token"])
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `told` is the JSON object on its stdout, if it printed one."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """The last line of stdout as an object."""
        found: dict[str, Any] = json.loads(self.out.strip().splitlines()[-1])
        return found


@dataclass(slots=True)
class Shell:
    """A working directory and an environment in which `bulkops` is typed."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, stdin: Any = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """The command, running."""
        return subprocess.Popen(
            [sys.executable, "-m", "bulkops", *arguments],
            cwd=self.folder,
            env={**_clean(os.environ), **self.environ},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def bulkops(self, *arguments: str, stdin: str | None = None) -> Ended:
        """The command, ended."""
        process = self.start(*arguments, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=120)
        return Ended(process.returncode, out, err)

    def write(self, name: str, text: str | bytes) -> Path:
        """A file in the working directory."""
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def configure(self, sandbox: SandboxProcess, **keys: Any) -> None:
        """A `bulkops.toml` whose only target is `sandbox`, addressed as the vendor would be."""
        fields = {"provider": "anypoint", "settling_s": 0.1, **keys}
        lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
        self.environ["ACME_TOKEN"] = sandbox.token
        self.write(
            "bulkops.toml",
            "\n".join(
                [
                    'default_target = "acme"',
                    "[targets.acme]",
                    f'organization = "{sandbox.organization}"',
                    f'base_url = "{sandbox.url}"',
                    *lines,
                    "[targets.acme.auth]",
                    'method = "bearer"',
                    'token_env = "ACME_TOKEN"',
                    "",
                ]
            ),
        )


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without a vendor's variables and without colours."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("ANYPOINT_", "BULKOPS_"))}
    return {**kept, "NO_COLOR": "1", "XDG_CONFIG_HOME": "/nonexistent"}
