"""Faults on batches that stand inside an object."""

from typing import Any


async def test_a_part_of_a_batch_is_passed_over(csp: Any) -> None:
    """The share is applied, and the answer says that all of it was."""
    ids = await csp.plain_ids(10)
    csp.sandbox.faults.add("partial", method="DELETE", share=0.5)
    answer = await csp.remove(ids)
    assert sorted(answer.json["succeeded"]) == sorted(ids)
    assert csp.sandbox.effects.count("user_deleted") == 5


async def test_a_part_of_an_invitation_is_passed_over(csp: Any) -> None:
    """Nothing in the 202 tells; the roles that go with it stay as they were sent."""
    csp.sandbox.faults.add("partial", path="*/invitations", share=0.5)
    body = {"usernames": ["a@new.test", "b@new.test"], "organizationRoles": [{"name": "developer"}]}
    assert (await csp.call("POST", "invitations", body)).status == 202
    assert csp.sandbox.effects.count("invite_sent") == 1


async def test_one_item_can_refuse_its_batch(csp: Any) -> None:
    """The rule sees the addresses and ids of such a body."""
    csp.sandbox.faults.add("reject_items", items=["b@*"])
    assert (await csp.call("POST", "invitations", {"usernames": ["a@new.test", "B@new.test"]})).status == 400
    assert (await csp.call("POST", "invitations", {"usernames": ["a@new.test"]})).status == 202
    assert csp.sandbox.effects.count("invite_sent") == 1
