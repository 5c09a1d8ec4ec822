"""Whatever a configuration holds, reading it ends in targets or in a ConfigError."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulkops.config import load
from bulkops.errors import ConfigError
from bulkops.transport import Scrubber
from bulkops.wiring import Overrides, open_organization

ANY_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=150
)
TARGET_KEYS = (
    "provider", "organization", "region", "base_url", "plain_http", "rate", "concurrency", "reserve", "protected",
    "ca_file", "timeout_s", "body_bytes", "settling_s", "auth", "token", "zzz",
)  # fmt: skip
AUTH_KEYS = ("method", "token_env", "token_file", "client_id_env", "client_secret_file", "username_env", "password_env")
WORDS = st.sampled_from(
    [
        "anypoint", "sandbox", "vmware-csp", "bearer", "connected-app", "password", "20/s", "0.5/min", "us", "T", "",
        "https://a.test", "https://[::1]:8443/", "http://127.0.0.1:9", "http://a.test", "https://a:99999", "https://a:b",
        "https://[zz]", "https://a..b", "https://:80", "https://*", "~nobody/x", "\0", "/", "/dev/null", "1e999/s",
    ]
)  # fmt: skip
SCALARS = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=6), WORDS)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=5,
)
AUTH = st.fixed_dictionaries(
    {"method": st.just("bearer"), "token_env": st.just("T")},
    optional=dict.fromkeys(AUTH_KEYS[2:], VALUES),
)
TARGET = st.one_of(
    st.dictionaries(st.sampled_from(TARGET_KEYS), VALUES, max_size=6),
    st.fixed_dictionaries(
        {"provider": st.just("anypoint"), "organization": st.just("o1"), "auth": AUTH},
        optional={key: st.one_of(WORDS, VALUES) for key in TARGET_KEYS[2:13]},
    ),
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "targets": st.one_of(
            VALUES, st.dictionaries(st.sampled_from(["acme", "auth", "sandbox", "a b"]), TARGET, max_size=2)
        )
    },
    optional={"default_target": VALUES, "path": VALUES, "hint": VALUES},
)


def toml(value: Any) -> str:
    """A value as TOML writes it in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str | bool) else repr(value)


async def opened(target: Any, folder: Path) -> None:
    """Everything of a target is used but its network."""
    async with open_organization(
        target, scrubber=Scrubber(), overrides=Overrides(), sandbox_state=folder, environ={"T": "t0ken"}, known=True
    ):
        pass


def read(folder: Path, raw: bytes) -> None:
    """Load a file, and open each of its targets; nothing but a ConfigError may come of it."""
    path = folder / "bulkops.toml"
    path.write_bytes(raw)
    with suppress(ConfigError):
        config = load(path, environ={})
        for name in config.targets:
            with suppress(ConfigError):
                asyncio.run(opened(config.choose(name)[1], folder / "none"))


@ANY_FOLDER
@given(st.one_of(st.binary(max_size=80), st.text(st.sampled_from("[]{}=\"'\n.#,ab1"), max_size=40).map(str.encode)))
def test_arbitrary_bytes(tmp_path: Path, raw: bytes) -> None:
    """Bytes of any kind."""
    read(tmp_path, raw)


@ANY_FOLDER
@given(DOCUMENTS)
def test_arbitrary_documents(tmp_path: Path, document: dict[str, Any]) -> None:
    """Every key with every value, and the files, hosts and ceilings that they name."""
    read(tmp_path, "\n".join(f"{key} = {toml(value)}" for key, value in document.items()).encode("utf-8", "replace"))


@pytest.mark.parametrize("raw", [b"a = " + b"[" * 100_000, b"a = " + b"{a=" * 50_000, b"a." * 5_000, b"[a." * 9999])
def test_depth_is_no_traceback(tmp_path: Path, raw: bytes) -> None:
    """However deep its tables and lists go."""
    read(tmp_path, raw)
