"""Every write that bulkops makes on Anypoint, as the published OpenAPI file and the support articles describe it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bulkops.model import Batch, Item
from bulkops.providers.base import BatchAnswer, Change
from bulkops.transport import Answer, Permit, Session


@dataclass(frozen=True, slots=True)
class Wire:
    """One session, and the path of the organisation that its calls are about."""

    session: Session
    base: str

    async def write(self, method: str, path: str, body: Any, permit: Permit, *, gate: str) -> Answer:
        """One write below the organisation; `gate` names its endpoint class."""
        return await self.session.write(method, self.base + path, gate=f"{method} {gate}", permit=permit, body=body)


Write = Callable[[Wire, Batch[Any], Permit], Awaitable[BatchAnswer]]


def changes(batch: Batch[Any]) -> Sequence[Change]:
    """What a batch's items will change."""
    return [item.payload for item in batch.items]


def _bare(answer: Answer) -> BatchAnswer:
    """A status that does not tell the items apart: what became of them is read back."""
    return BatchAnswer(answer.status, answer.request_id)


async def invite(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200 with the invitations made, or with an empty array: both are documented."""
    body = [invite_body(change) for change in changes(batch)]
    answer = await wire.write("POST", "/invites", body, permit, gate="invites")
    made = answer.body if isinstance(answer.body, list) else []
    named = frozenset(
        str(one.get("invited_email") or one.get("email") or "").casefold() for one in made if isinstance(one, dict)
    )
    return BatchAnswer(answer.status, answer.request_id, named)


def invite_body(change: Change) -> dict[str, Any]:
    """One address with what it gets. A role group needs both its id and its name; no other keys are allowed."""
    body: dict[str, Any] = {"email": change.key}
    if not change.grants:
        return body
    if role_groups := change.grants.get("role_group"):
        body["role_groups"] = [{"role_group_id": group.id, "name": group.name} for group in role_groups]
    if teams := change.grants.get("team"):
        body["teams"] = [{"team_id": team.id, "membership_type": change.level or "member"} for team in teams]
    if roles := change.grants.get("role"):
        body["roles"] = [{"role_id": role.id, "context_params": context_of(change)} for role in roles]
    return body


def invite_bytes(item: Item[Any]) -> int:
    """The bytes of one address in the body, with its comma."""
    return len(orjson.dumps(invite_body(item.payload))) + 1


async def resend(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200 `{succeeded: [ids], failed: [ids]}`: the one call that tells its items apart. Ids are integers."""
    answer = await wire.write("POST", "/invites/resend", _invite_ids(batch), permit, gate="invites/resend")
    told: Mapping[str, Any] = answer.body if isinstance(answer.body, dict) else {}
    failed = {str(one): "the provider could not send this invitation again" for one in _listed(told, "failed")}
    sent = {str(one) for one in _listed(told, "succeeded")}
    # an id in both lists, or one that was not asked for, tells nothing
    return BatchAnswer(
        answer.status,
        answer.request_id,
        named=frozenset(sent - set(failed)),
        refused={key: text for key, text in failed.items() if key not in sent},
    )


def _listed(told: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = told.get(name)
    return found if isinstance(found, list) else ()


async def revoke(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """204; unknown ids are passed over unless none matches, then 400."""
    return _bare(await wire.write("DELETE", "/invites", _invite_ids(batch), permit, gate="invites"))


def _invite_ids(batch: Batch[Any]) -> list[int | str]:
    return [int(change.key) if change.key.isdigit() else change.key for change in changes(batch)]


async def delete_users(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """204, without a word on single ids."""
    ids = [change.key for change in changes(batch)]
    return _bare(await wire.write("DELETE", "/users", ids, permit, gate="users"))


async def write_users(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """PUT of the fields that the call names, read before and written back; 204. `level` is the new `enabled`."""
    body = [
        {"id": change.key, **dict(change.person.profile if change.person else ()), "enabled": change.level == "enabled"}
        for change in changes(batch)
    ]
    return _bare(await wire.write("PUT", "/users", body, permit, gate="users"))


def user_bytes(item: Item[Any]) -> int:
    """The bytes of one account in the body of PUT /users."""
    person = item.payload.person
    return len(orjson.dumps(dict(person.profile if person else ()))) + 80


async def assign_role_group(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200; giving a role group that is held has no effect, or answers 409 ?."""
    return await _role_group(wire, "POST", batch, permit)


async def unassign_role_group(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200; 409 when some could not be unassigned."""
    return await _role_group(wire, "DELETE", batch, permit)


async def _role_group(wire: Wire, method: str, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    found = changes(batch)
    path = f"/rolegroups/{found[0].parent}/users"
    ids = [change.key for change in found]
    return _bare(await wire.write(method, path, ids, permit, gate="rolegroups/users"))


async def assign_roles(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """`{roleId: {org, envId?}}` for one person; 200. Giving a held permission has no effect."""
    found = changes(batch)
    body = {change.key: context_of(change) for change in found}
    path = f"/users/{found[0].parent}/roles"
    return _bare(await wire.write("POST", path, body, permit, gate="users/roles"))


async def unassign_role(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """One permission in one context, which stands in the body; 200."""
    change = changes(batch)[0]
    path = f"/users/{change.parent}/roles/{change.key}"
    answer = await wire.write("DELETE", path, context_of(change), permit, gate="users/roles")
    return _bare(answer)


def context_of(change: Change) -> dict[str, str]:
    """A permission's context as the body has it: org, and envId where it is for one environment."""
    return dict(pair.split("=", 1) for pair in change.detail)


def role_bytes(item: Item[Any]) -> int:
    """The bytes of one permission in the body of POST /users/{user}/roles, with its comma."""
    return len(orjson.dumps({item.payload.key: context_of(item.payload)})) + 1


async def write_team_members(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """PATCH of 1 to 100 people adds or changes; 204; 400 when an id is a team's."""
    found = changes(batch)
    body = [{"id": change.key, "membership_type": change.level} for change in found]
    path = f"/teams/{found[0].parent}/members"
    return _bare(await wire.write("PATCH", path, body, permit, gate="teams/members"))


def team_member_bytes(item: Item[Any]) -> int:
    """The bytes of one person in the body of PATCH, with their comma."""
    return len(orjson.dumps({"id": item.payload.key, "membership_type": item.payload.level})) + 1


async def remove_team_members(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """DELETE of 1 to 100 ids; 204."""
    found = changes(batch)
    ids = [change.key for change in found]
    return _bare(await wire.write("DELETE", f"/teams/{found[0].parent}/members", ids, permit, gate="teams/members"))


def allowlist(method: str) -> Write:
    """PATCH adds or changes entries, DELETE removes them, PUT replaces the whole list; 204."""

    async def write(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
        items = batch.whole or batch.items
        body = [allowlist_body(item.payload) for item in items]
        path = "/connectedApplications/allowlist"
        return _bare(await wire.write(method, path, body, permit, gate="allowlist"))

    return write


def allowlist_body(change: Change) -> dict[str, Any]:
    """One entry. Without scopes an app may use all that it is registered for."""
    body: dict[str, Any] = {"client_id": change.key}
    if change.detail:
        body["authorized_scopes"] = list(change.detail)
    return body


def allowlist_bytes(item: Item[Any]) -> int:
    """The bytes of one entry in the body, with its comma."""
    return len(orjson.dumps(allowlist_body(item.payload))) + 1


async def create_role_group(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """201 with the role group made ?. A name that is taken: a second one, or 409 ?."""
    body = new_role_group_body(changes(batch)[0])
    return _made(await wire.write("POST", "/rolegroups", body, permit, gate="rolegroups"), "role_group_id", "name")


def new_role_group_body(change: Change) -> dict[str, Any]:
    """All three keys of the published example; `external_names` are groups of an identity provider."""
    description = getattr(change.fields, "description", "")
    return {"name": change.key, "description": description, "external_names": []}


def new_role_group_bytes(item: Item[Any]) -> int:
    """The bytes of the body."""
    return len(orjson.dumps(new_role_group_body(item.payload)))


async def create_team(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """201 with the team made; 409, presumably for a name that is taken: it is unique in the organisation."""
    body = new_team_body(changes(batch)[0])
    return _made(await wire.write("POST", "/teams", body, permit, gate="teams"), "team_id", "team_name")


def new_team_body(change: Change) -> dict[str, Any]:
    """All three keys are needed, and no others allowed. Everybody sees an `internal` team."""
    return {"parent_team_id": change.parent, "team_name": change.key, "team_type": "internal"}


def new_team_bytes(item: Item[Any]) -> int:
    """The bytes of the body."""
    return len(orjson.dumps(new_team_body(item.payload)))


def _made(answer: Answer, id_key: str, name_key: str) -> BatchAnswer:
    """What was made, by the name that the answer gives it. An answer without one tells nothing: it is read back."""
    body = answer.body if isinstance(answer.body, dict) else {}
    named = {str(body[name_key]).casefold()} if body.get(id_key) and body.get(name_key) else set()
    return BatchAnswer(answer.status, answer.request_id, frozenset(named))
