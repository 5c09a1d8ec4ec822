"""One module for each verb."""

from __future__ import annotations

from collections.abc import Mapping

from bulkops.operations.base import Operation
from bulkops.operations.delete_user import DeleteUser
from bulkops.operations.invite import Invite

OPERATIONS: Mapping[str, Operation] = {operation.kind: operation for operation in (Invite(), DeleteUser())}

__all__ = ["OPERATIONS", "Operation"]
