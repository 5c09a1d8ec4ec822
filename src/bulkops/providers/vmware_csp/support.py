"""What VMware Cloud Services can do, operation by operation: fields, answer, sizes, the call."""

from __future__ import annotations

from collections.abc import Mapping

from bulkops.providers.base import AnswerShape, OperationSupport
from bulkops.providers.columns import UserFields
from bulkops.providers.vmware_csp import fields, writes
from bulkops.providers.vmware_csp.profile import API

ORG = "/orgs/{org}"
_REASONS = "the answer names who it was done for; of the others a look tells more"

SUPPORT: Mapping[str, OperationSupport] = {
    "invite": OperationSupport(
        fields=fields.InviteFields,
        answers=AnswerShape.OPAQUE,
        batch_size=20,
        max_batch=100,
        calls=(f"POST {API}{ORG}/invitations",),
        note="202 without a body: success is read back from invitations and users; rows that grant alike share a call",
        weigh=writes.invite_bytes,
        together=writes.offered_alike,
    ),
    "resend-invite": OperationSupport(
        fields=fields.InvitationFields,
        answers=AnswerShape.SINGLE,
        batch_size=1,
        max_batch=1,
        calls=(f"DELETE {API}{ORG}/invitations/{{invitation}}", f"POST {API}{ORG}/invitations"),
        note="the vendor sends none again: the invitation is taken back, and a new one made like it",
        anew=True,
    ),
    "revoke-invite": OperationSupport(
        fields=fields.InvitationFields,
        answers=AnswerShape.SINGLE,
        batch_size=1,
        max_batch=1,
        calls=(f"DELETE {API}{ORG}/invitations/{{invitation}}",),
        note="by its id: of several invitations of one address just this one",
    ),
    "delete-user": OperationSupport(
        fields=UserFields,
        answers=AnswerShape.ITEMISED,
        batch_size=20,
        max_batch=20,
        calls=(f"DELETE {API}/v2{ORG}/users",),
        note=f"removed from the organisation, the account itself stays; {_REASONS}",
        weigh=lambda item: len(item.payload.key) + 3,
    ),
    "assign-role": OperationSupport(
        fields=fields.RoleFields,
        answers=AnswerShape.SINGLE,
        batch_size=1,
        max_batch=1,
        calls=(f"PATCH {API}/v3/users/{{user}}{ORG}/roles",),
        note="one person and role a call",
    ),
    "unassign-role": OperationSupport(
        fields=fields.RoleFields,
        answers=AnswerShape.SINGLE,
        batch_size=1,
        max_batch=1,
        calls=(f"PATCH {API}/v3/users/{{user}}{ORG}/roles",),
        note="one person and role a call; what comes from a group is named and skipped",
        moot=frozenset({400, 404, 409, 410}),  # a role that is not there may be any of them
    ),
    "add-team-member": OperationSupport(
        fields=fields.GroupMemberFields,
        answers=AnswerShape.ITEMISED,
        batch_size=20,
        max_batch=100,
        calls=(f"POST {API}{ORG}/groups/{{group}}/users",),
        note=f"one custom group a call, and one call at a time for each; {_REASONS}",
        weigh=writes.member_bytes,
    ),
    "remove-team-member": OperationSupport(
        fields=fields.GroupMemberFields,
        answers=AnswerShape.ITEMISED,
        batch_size=20,
        max_batch=100,
        calls=(f"DELETE {API}{ORG}/groups/{{group}}/users",),
        note=f"one custom group a call, and one call at a time for each; {_REASONS}",
        weigh=lambda item: len(item.payload.key) + 3,
    ),
}

WRITES: Mapping[str, writes.Write] = {
    "invite": writes.invite,
    "resend-invite": writes.resend,
    "revoke-invite": writes.revoke,
    "delete-user": writes.delete_users,
    "assign-role": writes.assign_role,
    "unassign-role": writes.unassign_role,
    "add-team-member": writes.add_to_group,
    "remove-team-member": writes.remove_from_group,
}
