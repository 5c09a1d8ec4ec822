"""`python -m bulkops.sandbox`: serve a simulated organisation until told to stop."""

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bulkops.sandbox.faults import KINDS
from bulkops.sandbox.options import DEFAULT_PORT, SandboxError, SandboxOptions

if TYPE_CHECKING:
    from bulkops.sandbox.server import Sandbox


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bulkops.sandbox",
        description="Serve a simulated organisation over HTTP, to try bulkops on.",
        epilog=_explain_faults(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 picks a free one (default: %(default)s)")
    parser.add_argument("--people", type=int, default=2000, help="accounts at the start (default: %(default)s)")
    parser.add_argument(
        "--empty", action="store_true", help="a new organisation: its owner and its administrator alone"
    )
    parser.add_argument("--vendor", default="anypoint", metavar="NAME", help="which service (default: %(default)s)")
    parser.add_argument("--organization", type=_identifier, metavar="ID", help="default: the same at every start")
    parser.add_argument("--seed", type=int, default=1, help="another seed invents other people")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the state in this file; its base wins")
    parser.add_argument("--token-ttl", type=float, metavar="SECONDS", help="life of every token")
    parser.add_argument("--quota", type=int, metavar="N", help="calls of each endpoint in a window")
    parser.add_argument("--window", type=float, default=60.0, metavar="SECONDS", help="default: %(default)s")
    parser.add_argument("--latency-ms", type=float, default=0.0, metavar="N", help="time that every call takes")
    parser.add_argument("--faults", type=_json, default=[], metavar="JSON|@FILE", help="rules for calls that go wrong")
    parser.add_argument("--quirks", type=_json, default={}, metavar="JSON|@FILE", help="behaviours to choose")
    parser.add_argument("--exit-on-eof", action="store_true", help="stop when standard input ends")
    parser.add_argument("--json", action="store_true", help="print one JSON line when listening")
    return parser


def _explain_faults() -> str:
    kinds = "\n".join(f"  {kind:13} {meaning}" for kind, meaning in KINDS.items())
    example = '[{"kind": "lose_after", "method": "POST", "path": "*/invites", "times": 1}]'
    return f"kinds of faults:\n{kinds}\nexample:\n  --faults '{example}'"


def _identifier(text: str) -> str:
    """Ids stand in paths. The vendor says which of them an organisation may have."""
    if not re.fullmatch(r"[\w-]{1,64}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"not an id: {text!r}")
    return text


def _json(text: str) -> Any:
    try:
        return json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {text[1:]}: {error.strerror}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None


def to_options(given: argparse.Namespace) -> SandboxOptions:
    if not isinstance(given.quirks, dict):
        raise SandboxError("--quirks must be a JSON object")
    return SandboxOptions(
        host=given.host,
        port=given.port,
        vendor=given.vendor,
        people=given.people,
        empty=given.empty,
        organization=given.organization,
        seed=given.seed,
        state=given.state,
        token_ttl=given.token_ttl,
        quota=given.quota,
        window=given.window,
        latency_ms=given.latency_ms,
        faults=given.faults if isinstance(given.faults, list) else [given.faults],
        quirks=given.quirks,
    )


async def serve(options: SandboxOptions, *, as_json: bool, exit_on_eof: bool) -> None:
    from bulkops.sandbox.server import Sandbox  # noqa: PLC0415 (keeps --help quick)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with Sandbox(options) as sandbox:
        if exit_on_eof:
            threading.Thread(target=_await_eof, args=(loop, stop), daemon=True).start()
        text = json.dumps(sandbox.credentials()) if as_json else greeting(sandbox)
        print(text, flush=True)
        await stop.wait()


def _await_eof(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Read standard input to its end, on a thread of its own: a pipe, a file and a terminal all work."""
    with contextlib.suppress(OSError):
        while os.read(0, 65_536):
            pass
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)


def greeting(sandbox: "Sandbox") -> str:
    people, vendor = sandbox.summary()["people"], sandbox.vendor
    auth = "\n".join(f'{name} = "{value}"' for name, value in vendor.auth.items())
    variable = next(value for name, value in vendor.auth.items() if name.endswith("_env"))
    return f"""Sandbox organisation {sandbox.organization} ({people} people) at {sandbox.url}

Put this into bulkops.toml:

[targets.try]
provider = "{vendor.provider}"
base_url = "{sandbox.url}"
organization = "{sandbox.organization}"
[targets.try.auth]
{auth}

and the token into the environment:

export {variable}={sandbox.token}

See what took effect:   curl {sandbox.url}/__sandbox/effects
Start afresh:           curl -X POST {sandbox.url}/__sandbox/reset
Stop:                   Ctrl-C"""


def main(arguments: list[str] | None = None) -> int:
    given = build_parser().parse_args(arguments)
    try:
        asyncio.run(serve(to_options(given), as_json=given.json, exit_on_eof=given.exit_on_eof))
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
