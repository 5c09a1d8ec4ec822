"""What WireMock Cloud can do, operation by operation. Every call carries one row: there is no bulk endpoint.

Calls that no page describes, but that documented answers link to, are made only where an option of the target says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import Field

from bulkops.providers.adapter import ProviderOptions
from bulkops.providers.base import AnswerShape, OperationSupport
from bulkops.providers.columns import RowFields, UserFields
from bulkops.providers.wiremock_cloud import fields, writes
from bulkops.providers.wiremock_cloud.roles import ADMIN, MEMBER

ORG = "/v1/organisations/{org}"
_MOOT = frozenset({404, 409, 410, 422})
"""What asking for the same twice is answered with is published nowhere: it is looked up before it is called failed."""


class WiremockOptions(ProviderOptions):
    """What `[targets.NAME.options]` may say."""

    undocumented_invitation_calls: bool = Field(
        default=False,
        description="take invitations back by a call that documented answers link to, and no page describes",
    )
    undocumented_role_calls: bool = Field(
        default=False,
        description="read and set roles in the organisation and in teams by calls that documented answers link to, and "
        "no page describes",
    )


def _one(model: type[RowFields], call: str, note: str, **more: object) -> OperationSupport:
    support = OperationSupport(
        fields=model, answers=AnswerShape.SINGLE, batch_size=1, max_batch=1, calls=(call,), note=note, moot=_MOOT
    )
    return replace(support, **more)  # type: ignore[arg-type]


SUPPORT: Mapping[str, OperationSupport] = {
    "invite": _one(
        fields.InviteFields,
        f"POST {ORG}/invitations",
        "members and pending invitations take a seat of the plan: at the first refusal for want of one the run stops",
        verbatim=fields.verbatim,
        misfit=fields.misfit,
        undo="revoke-invite, where undocumented_invitation_calls allows it; the mail cannot be unsent",
    ),
    "resend-invite": _one(
        fields.InvitationFields,
        f"DELETE {ORG}/invitations/{{invitation}}, then POST {ORG}/invitations",
        "taken back, then made anew with the same role; the run remembers what it was in between",
        anew=True,
        needs="undocumented_invitation_calls",
    ),
    "revoke-invite": _one(
        fields.InvitationFields,
        f"DELETE {ORG}/invitations/{{invitation}}",
        "the result is read back",
        needs="undocumented_invitation_calls",
    ),
    "delete-user": _one(
        UserFields,
        f"DELETE {ORG}/members/{{user}}",
        "the account lives on, in an organisation of its own; the result is read back",
        effect="taken out of the organisation; the accounts live on, each in an organisation of its own",
        undo="none: the person needs a new invitation",
    ),
    "assign-role": _one(
        fields.RoleFields,
        f"PUT {ORG}/acl/user/{{user}}",
        "a member has one role, which is replaced",
        needs="undocumented_role_calls",
        ranks=(MEMBER, ADMIN),
        effect="given a role in the organisation, in the place of the one they have",
        undo=f"unassign-role makes an {ADMIN} an {MEMBER} again",
    ),
    "unassign-role": _one(
        fields.RoleFields,
        f"PUT {ORG}/acl/user/{{user}}",
        f"sets the role to {MEMBER}: without any they would be no members, which is delete-user's business",
        needs="undocumented_role_calls",
        ranks=(MEMBER, ADMIN),
        effect=f"set back to {MEMBER}",
    ),
    "add-team-member": _one(
        fields.TeamMemberFields,
        "POST /v1/teams/{team}/members",
        "a maintainer is an administrator of the team; the result is read back",
    ),
    "remove-team-member": _one(
        fields.TeamMemberFields, "DELETE /v1/teams/{team}/members/{user}", "the result is read back"
    ),
}

WRITES: Mapping[str, writes.Write] = {
    "invite": writes.invite,
    "resend-invite": writes.resend,
    "revoke-invite": writes.revoke,
    "delete-user": writes.remove_member,
    "assign-role": writes.set_role,
    "unassign-role": writes.set_role,
    "add-team-member": writes.add_team_member,
    "remove-team-member": writes.remove_team_member,
}


def support(options: WiremockOptions) -> Mapping[str, OperationSupport]:
    """The operations that a target's options allow."""
    found = {kind: one for kind, one in SUPPORT.items() if not one.needs or getattr(options, one.needs)}
    found["add-team-member"] = replace(found["add-team-member"], relevels=options.undocumented_role_calls)
    return found
