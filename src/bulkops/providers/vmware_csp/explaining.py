"""Reads that tell what an answer leaves unsaid: why some ids failed, and whether it was the last owner.

They follow a write that was answered, so none of them may hide its answer: where a read fails, what it was to tell is
left to the engine, which looks everything up by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import structlog

from bulkops.errors import BulkopsError, RejectedError
from bulkops.providers.base import BatchAnswer, Change, Ending
from bulkops.transport import Answer

log = structlog.get_logger(__name__)

UNSAID = "the provider did not say why"
OWNER = "org_owner"


class Look(Protocol):
    """What is read of the organisation."""

    async def present(self, changes: Sequence[Change]) -> set[str]:
        """The ids of those people of `changes` who are members."""

    async def owners(self) -> set[str]:
        """The ids of the organisation's owners."""

    async def group(self, group_id: str) -> set[str]:
        """The ids of a group's people."""


async def of_deletion(look: Look, changes: Sequence[Change], answer: Answer) -> BatchAnswer:
    """What the answer says of each id; of failed ones a look tells more."""
    done, failed = _told(answer, {change.key: change.key for change in changes})
    told = BatchAnswer(answer.status, answer.request_id, named=done)
    left = [change for change in changes if change.key.casefold() in failed]
    if not left:
        return told
    try:
        present, owners = await look.present(left), await look.owners()
    except BulkopsError as error:
        log.info("failure.unexplained", text=str(error))
        return told
    endings = {}
    for change in left:
        if change.key not in present:
            ending = Ending(code="already_gone", message="is no member any more", already=True)
        elif owners == {change.key}:
            ending = Ending(code="last_owner", message="is the last owner of the organisation")
        else:
            ending = Ending(code="refused", message=UNSAID)
        endings[change.key.casefold()] = ending
    return BatchAnswer(answer.status, answer.request_id, named=done, endings=endings)


async def of_group(
    look: Look, changes: Sequence[Change], answer: Answer, *, names: Mapping[str, str], inside: bool
) -> BatchAnswer:
    """The same for people who were put into a group, or taken out; `names` gives the key of each name sent."""
    done, failed = _told(answer, names)
    told = BatchAnswer(answer.status, answer.request_id, named=done)
    if not failed:
        return told
    try:
        people = await look.group(changes[0].parent)
    except BulkopsError as error:
        log.info("failure.unexplained", text=str(error))
        return told
    code, word = ("already_in_team", "is in the group already") if inside else ("not_in_team", "is not in the group")
    so = Ending(code, word, already=True)
    endings = {
        change.key.casefold(): so if (change.key in people) is inside else Ending(code="refused", message=UNSAID)
        for change in changes
        if change.key.casefold() in failed
    }
    return BatchAnswer(answer.status, answer.request_id, named=done, endings=endings)


async def of_last_owner(look: Look, changes: Sequence[Change], error: RejectedError) -> RejectedError:
    """The same refusal; where it is a 400 for the only owner alone, by its own name."""
    if error.http_status != 400 or len(changes) != 1:
        return error
    person = changes[0].person
    try:
        owners = await look.owners()
    except BulkopsError as trouble:
        log.info("failure.unexplained", text=str(trouble))
        return error
    if person is None or owners != {person.id}:
        return error
    return RejectedError(
        f"is the last owner of the organisation ({error})",
        atomic=error.atomic,
        code="last_owner",
        http_status=error.http_status,
        request_id=error.request_id,
    )


def _told(answer: Answer, names: Mapping[str, str]) -> tuple[frozenset[str], set[str]]:
    """The keys (case folded) that the answer says are done, and those that it says are not.

    One that is in both lists, or in neither, is told nothing.
    """
    body: Mapping[str, Any] = answer.body if isinstance(answer.body, dict) else {}
    folded = {name.casefold(): key.casefold() for name, key in names.items()}
    done, failed = _keys(body, "succeeded", folded), _keys(body, "failed", folded)
    return frozenset(done - failed), failed - done


def _keys(body: Mapping[str, Any], name: str, folded: Mapping[str, str]) -> set[str]:
    found = body.get(name)
    listed: Collection[Any] = found if isinstance(found, list) else ()
    return {folded[str(one).casefold()] for one in listed if str(one).casefold() in folded}
