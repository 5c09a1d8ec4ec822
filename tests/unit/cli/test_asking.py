"""What a person sees and must confirm before anything is sent."""

from __future__ import annotations

import pytest

from bulkops.cli.asking import confirm, plan_text
from bulkops.errors import RefusedError
from bulkops.wiring import Plan

CAUTION = "mock.test is a mock: a job aimed there looks successful and changes nothing"


def a_plan(**more: object) -> Plan:
    """Three invitations."""
    plan = Plan("invite", effect="invited by mail", undo="revoke-invite", **more)  # type: ignore[arg-type]
    plan.ready = plan.calls = 3
    return plan


def test_a_caution_and_a_forecast_stand_in_the_plan() -> None:
    """Before the question."""
    text = plan_text([a_plan(caution=CAUTION, forecast="2 of these 3 have a seat")], "acme")
    assert f"CAUTION: {CAUTION}" in text
    assert "forecast: 2 of these 3 have a seat" in text


async def test_a_caution_must_be_confirmed_although_nothing_is_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal it needs --yes; an ordinary plan does not."""
    await confirm([a_plan()], "acme", yes=False)
    with pytest.raises(RefusedError, match="needs a confirmation"):
        await confirm([a_plan(caution=CAUTION)], "acme", yes=False)
    await confirm([a_plan(caution=CAUTION)], "acme", yes=True)
    assert capsys.readouterr().err.count(CAUTION) == 2
