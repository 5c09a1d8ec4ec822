"""Every provider passes the same suite, at its own simulated organisation."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bulkops.sandbox import Sandbox
from bulkops.testing import anypoint_cases, anypoint_state, csp_cases, wiremock_cases
from bulkops.testing.provider_contract import WRONG, Known, ProviderContract, Subject
from bulkops.wiring import ADAPTERS


def anypoint_members(sandbox: Sandbox) -> Sequence[Known]:
    """Everybody of the organisation's own who was not deleted."""
    users = anypoint_state.state_of(sandbox).users.values()
    return [Known(one.id, one.email, one.username) for one in users if one.kind == "host" and not one.deleted]


def anypoint_invitations(sandbox: Sandbox) -> Sequence[Known]:
    """Pending ones; they stay listed when they have expired."""
    invites = anypoint_state.state_of(sandbox).invites.values()
    root = anypoint_state.state_of(sandbox).root.id
    return [Known(str(one.id), one.email) for one in invites if one.state == "INVITED" and one.org_id == root]


def csp_members(sandbox: Sandbox) -> Sequence[Known]:
    """All users."""
    return [Known(user.id, user.email, user.username) for user in csp_cases.state_of(sandbox).users.values()]


def csp_invitations(sandbox: Sandbox) -> Sequence[Known]:
    """Those that are neither redeemed nor revoked."""
    invitations = csp_cases.state_of(sandbox).invitations.values()
    return [Known(one.id, one.username) for one in invitations if one.status == "AVAILABLE"]


def wiremock_members(sandbox: Sandbox) -> Sequence[Known]:
    """All who have a role in the organisation."""
    org = wiremock_cases.state_of(sandbox)
    found = (org.users[user_id] for user_id in org.members)
    return [Known(user.id, user.email, user.username) for user in found]


def wiremock_invitations(sandbox: Sandbox) -> Sequence[Known]:
    """Closed ones are not kept."""
    return [Known(one.id, one.email) for one in wiremock_cases.state_of(sandbox).invitations.values()]


SUBJECTS = (
    Subject(
        "anypoint",
        anypoint_cases.CASES,
        anypoint_members,
        anypoint_invitations,
        foreign="09907221-ebea-4196-9bdc-b1bbfd8f95a0",
        refused=("connected-app", {"client_id": Sandbox.client_id, "client_secret": WRONG}),
        login=("connected-app", {"client_id": Sandbox.client_id, "client_secret": Sandbox.client_secret}),
    ),
    Subject(
        "vmware-csp",
        csp_cases.CASES,
        csp_members,
        csp_invitations,
        foreign="c5b0a1de-0000-4000-8000-00000000000f",
        refused=("api-token", {"api_token": WRONG}),
        login=("api-token", {"api_token": Sandbox.token}),
    ),
    Subject(
        "wiremock-cloud",
        wiremock_cases.CASES,
        wiremock_members,
        wiremock_invitations,
        foreign="nobody",
        refused=("api-key", {"api_key": WRONG}),
    ),
)


def test_every_provider_is_a_subject() -> None:
    """A new one joins by one entry."""
    assert {subject.vendor for subject in SUBJECTS} == set(ADAPTERS)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.vendor)
class TestProviders(ProviderContract):
    """All of them."""
