"""One module for each verb, or for two that are each other's undoing."""

from __future__ import annotations

from collections.abc import Mapping

from bulkops.operations.allowlist import AllowlistAdd, AllowlistRemove, AllowlistReplace
from bulkops.operations.base import Operation
from bulkops.operations.creating import CreateRoleGroup, CreateTeam
from bulkops.operations.delete_user import DeleteUser
from bulkops.operations.enabling import DisableUser, EnableUser
from bulkops.operations.invitations import ResendInvite, RevokeInvite
from bulkops.operations.invite import Invite
from bulkops.operations.role_groups import AssignRoleGroup, UnassignRoleGroup
from bulkops.operations.roles import AssignRole, UnassignRole
from bulkops.operations.team_members import AddTeamMember, RemoveTeamMember

_ALL: tuple[Operation, ...] = (
    Invite(),
    ResendInvite(),
    RevokeInvite(),
    DeleteUser(),
    DisableUser(),
    EnableUser(),
    AssignRoleGroup(),
    UnassignRoleGroup(),
    AssignRole(),
    UnassignRole(),
    AddTeamMember(),
    RemoveTeamMember(),
    AllowlistAdd(),
    AllowlistRemove(),
    AllowlistReplace(),
    CreateRoleGroup(),
    CreateTeam(),
)

OPERATIONS: Mapping[str, Operation] = {operation.kind: operation for operation in _ALL}

__all__ = ["OPERATIONS", "Operation"]
