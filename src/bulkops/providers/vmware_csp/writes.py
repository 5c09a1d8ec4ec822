"""Every write that bulkops makes on VMware Cloud Services, as the vendor's reference describes it.

A `?` marks what is published nowhere; either answer is taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from bulkops.errors import RejectedError
from bulkops.model import Batch, Item
from bulkops.providers.base import BatchAnswer, Change
from bulkops.providers.vmware_csp import explaining
from bulkops.providers.vmware_csp.profile import API
from bulkops.transport import Answer, Permit, Session


@dataclass(frozen=True, slots=True)
class Wire:
    """One session, and the organisation that its calls are about. `look` reads what answers leave unsaid.

    `service_link` makes the link of a service definition out of its id.
    """

    session: Session
    organization: str
    look: explaining.Look
    service_link: str

    async def write(
        self, method: str, path: str, body: Any, permit: Permit, *, gate: str, params: Mapping[str, str] | None = None
    ) -> Answer:
        """One write below the API; `gate` names its endpoint class."""
        gate = f"{method} {gate}"
        return await self.session.write(method, API + path, gate=gate, permit=permit, body=body, params=params)

    @property
    def org(self) -> str:
        """The path of the organisation."""
        return f"/orgs/{self.organization}"


Write = Callable[[Wire, Batch[Any], Permit], Awaitable[BatchAnswer]]


def changes(batch: Batch[Any]) -> Sequence[Change]:
    """What a batch's items will change."""
    return [item.payload for item in batch.items]


async def invite(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """202 without a body: what became of single addresses is read back from invitations and users.

    A pending address or a member's `?` (409 is listed without a cause): neither is sent, as far as planning can see.
    """
    found = changes(batch)
    body = {"usernames": [change.key for change in found], **offer(found[0], wire.service_link)}
    return _bare(await _post_invitations(wire, body, permit))


async def _post_invitations(wire: Wire, body: Mapping[str, Any], permit: Permit) -> Answer:
    return await wire.write("POST", f"{wire.org}/invitations", body, permit, gate="invitations")


def offer(change: Change, service_link: str) -> dict[str, Any]:
    """What an invitation grants and how; what a row leaves open is left to the vendor."""
    fields = change.fields
    body: dict[str, Any] = {}
    if roles := change.grants.get("role"):
        body["organizationRoles"] = [{"name": role.id} for role in roles]
    if groups := change.grants.get("team"):
        body["customGroupsIds"] = [group.id for group in groups]
    if services := _services(fields.service_roles, service_link):
        body["serviceRolesDtos"] = services
    if fields.expires_in_days is not None:
        body["invitationExpirationInDays"] = fields.expires_in_days
    if not fields.notify:
        body["notifyUsersOfOrgAccess"] = body["notifyUsersOfRegistration"] = False
    return body


def _services(named: Sequence[str], service_link: str) -> list[dict[str, Any]]:
    """Roles under the link of their service; one that is named by its id alone gets a link as the options say."""
    roles: dict[str, list[dict[str, str]]] = {}
    for text in named:
        service, _, role = text.partition(":")
        link = service if "/" in service else service_link.format(id=service)
        roles.setdefault(link, []).append({"name": role})
    return [{"serviceDefinitionLink": link, "serviceRoles": found} for link, found in roles.items()]


def offered_alike(item: Item[Any]) -> str:
    """What addresses of one call must have in common: all but themselves."""
    return orjson.dumps(offer(item.payload, "{id}"), option=orjson.OPT_SORT_KEYS).decode()


def invite_bytes(item: Item[Any]) -> int:
    """The bytes of one address in the body, with its quotes and comma, and of what it brings along if it is the first.

    That is counted for each, which a default body has room for.
    """
    return len(orjson.dumps(item.payload.key)) + 1 + len(offered_alike(item))


async def revoke(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200 for one invitation by its id; by address it is not told which of several would go, nor whether any did."""
    answer = await _delete_invitation(wire, changes(batch)[0].key, permit)
    return BatchAnswer(answer.status, answer.request_id, complete=True)


async def _delete_invitation(wire: Wire, key: str, permit: Permit) -> Answer:
    path = f"{wire.org}/invitations/{quote(key, safe='')}"
    return await wire.write("DELETE", path, None, permit, gate="invitation")


async def resend(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """Takes one invitation back and makes a new one like it: there is no call that sends one again.

    It is gone already where the first call answers 404, and where an earlier attempt came so far.
    """
    change = changes(batch)[0]
    if change.key:
        try:
            await _delete_invitation(wire, change.key, permit)
        except RejectedError as error:
            if error.http_status != 404:
                raise
    body = {"usernames": [change.address], **orjson.loads(change.terms or "{}")}
    try:
        return _bare(await _post_invitations(wire, body, permit))
    except RejectedError as error:
        raise RejectedError(
            f"the invitation of {change.address} is taken back, and the new one was refused: {error}. "
            f"Use invite to send one with other terms.",
            atomic=error.atomic,
            code=error.code,
            http_status=error.http_status,
            request_id=error.request_id,
        ) from error


async def delete_users(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200 `{succeeded: [ids], failed: [ids]}`, without reasons; 400 when the last owner is among them, 404 `?`.

    Repeating it finds the person gone.
    """
    found = changes(batch)
    body = {"ids": [change.key for change in found]}
    try:
        answer = await wire.write("DELETE", f"/v2{wire.org}/users", body, permit, gate="users")
    except RejectedError as error:
        raise await explaining.of_last_owner(wire.look, found, error) from error
    return await explaining.of_deletion(wire.look, found, answer)


async def assign_role(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200 for one person: the role is added to those that they have."""
    return await _roles(wire, "rolesToAdd", changes(batch)[0], permit)


async def unassign_role(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200 for one person; one that they do not have `?` 200, 400 or 404."""
    change = changes(batch)[0]
    try:
        return await _roles(wire, "rolesToRemove", change, permit)
    except RejectedError as error:
        if change.key != explaining.OWNER or any(pair.startswith("service=") for pair in change.detail):
            raise
        raise await explaining.of_last_owner(wire.look, [change], error) from error


async def _roles(wire: Wire, verb: str, change: Change, permit: Permit) -> BatchAnswer:
    context = dict(pair.split("=", 1) for pair in change.detail)
    role = {"name": change.key, **({"resource": context["resource"]} if "resource" in context else {})}
    if "service" in context:
        body: dict[str, Any] = {"serviceRoles": [{"serviceDefinitionId": context["service"], verb: [role]}]}
    else:
        body = {"organizationRoles": {verb: [role]}}
    path = f"/v3/users/{quote(change.parent, safe=':@')}{wire.org}/roles"
    answer = await wire.write("PATCH", path, body, permit, gate="users/roles")
    return BatchAnswer(answer.status, answer.request_id, complete=True)


async def add_to_group(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200 `{succeeded, failed}`, usernames as they were sent; somebody who is in the group already `?`."""
    found = changes(batch)
    names = {_username(change): change.key for change in found}
    answer = await _group_users(wire, "POST", found, {"usernamesToAdd": list(names)}, permit)
    return await explaining.of_group(wire.look, found, answer, names=names, inside=True)


def _username(change: Change) -> str:
    person = change.person
    return (person.username or person.email) if person is not None else change.key


async def remove_from_group(wire: Wire, batch: Batch[Any], permit: Permit) -> BatchAnswer:
    """200 `{succeeded, failed}`, ids; somebody who is not in the group `?`."""
    found = changes(batch)
    names = {change.key: change.key for change in found}
    answer = await _group_users(wire, "DELETE", found, {"ids": list(names)}, permit)
    return await explaining.of_group(wire.look, found, answer, names=names, inside=False)


async def _group_users(
    wire: Wire, method: str, found: Sequence[Change], body: Mapping[str, Any], permit: Permit
) -> Answer:
    path = f"{wire.org}/groups/{quote(found[0].parent, safe='')}/users"
    return await wire.write(method, path, body, permit, gate="groups/users")


def member_bytes(item: Item[Any]) -> int:
    """The bytes of one username or id in the body, with its quotes and comma."""
    return len(orjson.dumps(_username(item.payload))) + 1


def _bare(answer: Answer) -> BatchAnswer:
    """A status that does not tell the items apart: what became of them is read back."""
    return BatchAnswer(answer.status, answer.request_id)
