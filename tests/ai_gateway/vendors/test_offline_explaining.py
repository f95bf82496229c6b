"""The offline provider explains the verdict that stands in a prompt: deterministically, and in no words of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.errors import ErrorCode
from contracts.feasibility import RiskLevel
from services.ai_gateway.ports import ProviderAnswer, ProviderCall, ProviderFailure
from services.ai_gateway.vendors.offline.designer import DESIGNER_VERSION
from services.ai_gateway.vendors.offline.explaining import explained
from services.ai_gateway.vendors.offline.provider import OfflineProvider
from services.rmos.domain.explanation_prompt import SYSTEM_PROMPT, model_call
from tests.rmos.domain import given
from tests.rmos.domain.test_explanation import FINE, TOO_WIDE, UNASKED


def prompt_about(*results: Any) -> str:
    verdict = given.feasibility(RiskLevel.RED, 0).model_copy(update={"results": results})
    return model_call(given.artifact(RiskLevel.RED, feasibility=verdict), None, None).prompt


async def answered(prompt: str) -> ProviderAnswer:
    call = ProviderCall("text", DESIGNER_VERSION, prompt, SYSTEM_PROMPT, timeout_s=5.0)
    return await OfflineProvider().generate(call)


async def test_a_verdict_is_explained_gravest_first_with_limits_and_suggestions() -> None:
    text = (await answered(prompt_about(FINE, TOO_WIDE, UNASKED))).text
    assert text == (
        "The calculations came out RED with a score of 0 of 100: it may not be cut. "
        "What holds it back most is depth.\n\n"
        "Depth is UNKNOWN: no stock thickness. Not known: stock thickness mm.\n\n"
        "Feature size is RED, by a hard rule: the cutter is wider than the pocket. The limit is the smallest feature: "
        "0.6 mm. What to change: widen it to 1.2 mm.\n\n"
        "Fine as it is: chip load."
    )


async def test_the_same_prompt_gives_the_same_words_and_another_verdict_others() -> None:
    first = await answered(prompt_about(TOO_WIDE))
    assert first == await answered(prompt_about(TOO_WIDE))
    assert first.text != (await answered(prompt_about(FINE))).text


async def test_text_about_anything_else_describes_a_design_as_before() -> None:
    text = (await answered("gothic rosette, twelve petals, 110 mm")).text
    assert text is not None
    assert "From the soundhole outward" in text


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"verdict": "RED", "results": []},
        {"verdict": {"risk": "RED"}},
        {"verdict": {"risk": "RED"}, "results": {"a": 1}},
    ],
)
def test_what_holds_no_verdict_with_results_is_not_explained(wrong: dict[str, Any]) -> None:
    assert explained(json.dumps(wrong)) is None


def test_what_was_left_out_and_odd_values_are_told_as_they_are() -> None:
    odd = {"verdict": {"risk": "PURPLE"}, "results": ["no object", {"risk": "GREEN"}], "results_left_out": 3}
    assert explained(json.dumps(odd)) == (
        "The calculations came out PURPLE: see the record. Nothing holds it back.\n\n"
        "Fine as it is: a calculator without a name.\n\n3 further results are not told here."
    )


async def test_faults_can_be_shown_here_too() -> None:
    assert (await answered(f"[[fault:empty]] {prompt_about(FINE)}")).text == ""
    with pytest.raises(ProviderFailure) as caught:
        await answered(f"[[fault:refusal]] {prompt_about(FINE)}")
    assert caught.value.code is ErrorCode.AI_REFUSED
