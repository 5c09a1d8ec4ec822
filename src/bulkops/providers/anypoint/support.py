"""What Anypoint can do, operation by operation: fields, answer, sizes, the call."""

from __future__ import annotations

from collections.abc import Mapping

from bulkops.providers.anypoint import fields, writes
from bulkops.providers.base import AnswerShape, OperationSupport
from bulkops.providers.columns import UserFields

ORG = "/accounts/api/organizations/{org}"
_READ_BACK = "the status does not tell rows apart: the result is read back"

SUPPORT: Mapping[str, OperationSupport] = {
    "invite": OperationSupport(
        fields=fields.InviteFields,
        answers=AnswerShape.OPAQUE,
        batch_size=50,
        max_batch=100,
        calls=(f"POST {ORG}/invites",),
        note="success is read back from the listing of invites; the mail's link lives 7 days",
        weigh=writes.invite_bytes,
    ),
    "resend-invite": OperationSupport(
        fields=fields.InvitationFields,
        answers=AnswerShape.ITEMISED,
        batch_size=50,
        max_batch=100,
        calls=(f"POST {ORG}/invites/resend",),
        note="the answer names the ids that were sent and those that were not",
    ),
    "revoke-invite": OperationSupport(
        fields=fields.InvitationFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"DELETE {ORG}/invites",),
        note=_READ_BACK,
        moot=frozenset({400, 404, 409, 410}),  # 400 is also the answer when nothing was left to take back
    ),
    "delete-user": OperationSupport(
        fields=UserFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"DELETE {ORG}/users",),
        note="in the root organisation a soft delete; in a business group only its permissions go",
    ),
    "disable-user": OperationSupport(
        fields=UserFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"PUT {ORG}/users",),
        note="the names, address and phone number are read before and written back unchanged",
        weigh=writes.user_bytes,
    ),
    "enable-user": OperationSupport(
        fields=UserFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"PUT {ORG}/users",),
        note="the names, address and phone number are read before and written back unchanged",
        weigh=writes.user_bytes,
    ),
    "assign-role-group": OperationSupport(
        fields=fields.RoleGroupFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"POST {ORG}/rolegroups/{{role group}}/users",),
        note="one role group a call, and one call at a time for each",
    ),
    "unassign-role-group": OperationSupport(
        fields=fields.RoleGroupFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"DELETE {ORG}/rolegroups/{{role group}}/users",),
        note="one role group a call, and one call at a time for each",
    ),
    "assign-role": OperationSupport(
        fields=fields.RoleFields,
        answers=AnswerShape.OPAQUE,
        batch_size=25,
        max_batch=100,
        calls=(f"POST {ORG}/users/{{user}}/roles",),
        note="one person and context a call",
        weigh=writes.role_bytes,
    ),
    "unassign-role": OperationSupport(
        fields=fields.RoleFields,
        answers=AnswerShape.OPAQUE,
        batch_size=1,
        max_batch=1,
        calls=(f"DELETE {ORG}/users/{{user}}/roles/{{role}}",),
    ),
    "add-team-member": OperationSupport(
        fields=fields.TeamMemberFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"PATCH {ORG}/teams/{{team}}/members",),
        note="one team a call, and one call at a time for each",
        weigh=writes.team_member_bytes,
        root_only=True,
    ),
    "remove-team-member": OperationSupport(
        fields=fields.TeamMemberFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"DELETE {ORG}/teams/{{team}}/members",),
        note="members that come from an identity provider's group are named and skipped",
        root_only=True,
    ),
    "allowlist-add": OperationSupport(
        fields=fields.AllowlistFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"PATCH {ORG}/connectedApplications/allowlist",),
        note="an app that is on the list already keeps its scopes and gets those that its row names",
        weigh=writes.allowlist_bytes,
        root_only=True,
    ),
    "allowlist-remove": OperationSupport(
        fields=fields.AllowlistFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=(f"DELETE {ORG}/connectedApplications/allowlist",),
        note="an app goes with all its scopes",
        weigh=writes.allowlist_bytes,
        root_only=True,
    ),
    "allowlist-replace": OperationSupport(
        fields=fields.AllowlistFields,
        answers=AnswerShape.OPAQUE,
        batch_size=10_000,
        max_batch=10_000,
        calls=(f"PUT {ORG}/connectedApplications/allowlist",),
        note="one call with the whole file: entries that it does not name are removed",
        weigh=writes.allowlist_bytes,
        root_only=True,
    ),
}

WRITES: Mapping[str, writes.Write] = {
    "invite": writes.invite,
    "resend-invite": writes.resend,
    "revoke-invite": writes.revoke,
    "delete-user": writes.delete_users,
    "disable-user": writes.write_users,
    "enable-user": writes.write_users,
    "assign-role-group": writes.assign_role_group,
    "unassign-role-group": writes.unassign_role_group,
    "assign-role": writes.assign_roles,
    "unassign-role": writes.unassign_role,
    "add-team-member": writes.write_team_members,
    "remove-team-member": writes.remove_team_members,
    "allowlist-add": writes.allowlist("PATCH"),
    "allowlist-remove": writes.allowlist("DELETE"),
    "allowlist-replace": writes.allowlist("PUT"),
}
