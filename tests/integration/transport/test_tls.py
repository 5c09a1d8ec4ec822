"""TLS: a certificate that cannot be trusted ends the run before anything is sent; a private authority can be named."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from bulkops.config import TargetConfig
from bulkops.errors import ConfigError
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.testing.wire import Wire, answer
from bulkops.transport import Scrubber
from bulkops.wiring import Overrides, open_organization

FACTS = {"id": "o1", "name": "Acme", "ownerId": "u1", "parentOrganizationIds": []}


@pytest.fixture
def authority() -> trustme.CA:
    """A private authority."""
    return trustme.CA()


@pytest.fixture
async def secure(serve: Any, authority: trustme.CA) -> Wire:
    """A server whose certificate is signed by the private authority."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    wire: Wire = await serve(answer(200, FACTS), tls=tls)
    return wire


async def test_a_certificate_of_an_unknown_authority_is_a_matter_of_configuration(
    connect: Any, permit: Any, secure: Wire
) -> None:
    """Nothing is tried again and nothing was sent; the message names `ca_file`."""
    live = await connect(secure.url)
    with pytest.raises(ConfigError, match="ca_file"):
        await live.read("/things", gate="GET things")
    with pytest.raises(ConfigError, match="ca_file"):
        await live.write("POST", "/things", gate="POST things", permit=permit, body=[])
    assert secure.heard == []


async def test_a_server_without_tls_is_told_apart_from_a_dead_one(connect: Any, permit: Any) -> None:
    """https on a port that speaks http will not mend itself."""
    async with Sandbox(SandboxOptions(people=2)) as plain:
        live = await connect(plain.url.replace("http:", "https:"))
        with pytest.raises(ConfigError, match="TLS failed"):
            await live.write("POST", "/things", gate="POST things", permit=permit, body=[])


async def test_a_named_authority_is_trusted(authority: trustme.CA, secure: Wire, tmp_path: Path) -> None:
    """`ca_file` in the target's configuration is all it takes."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    target = TargetConfig.model_validate(
        {
            "provider": "anypoint",
            "organization": "o1",
            "base_url": secure.url,
            "ca_file": tmp_path / "ca.pem",
            "auth": {"method": "bearer", "token_env": "T"},
        }
    )
    opening = open_organization(
        target, scrubber=Scrubber(), overrides=Overrides(), sandbox_state=tmp_path, environ={"T": "token-1"}
    )
    async with opening as org:
        assert (await org.facts()).name == "Acme"
    assert secure.heard[0].headers["authorization"] == "Bearer token-1"
