"""What a model says about one decision, as advice beside the explanation that is computed. It decides nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.ai import ProviderName
from contracts.artifacts import SUMMARY_LENGTH, ExplanationStatus
from contracts.envelope import Actor
from contracts.errors import ErrorCode
from contracts.model import Identifier, Message, Sha256, Timestamp

MAX_TEXT = 20_000
"""Characters of an explanation. A longer answer is none."""

ModelName = Annotated[str, Field(pattern=r"^[!-~]{1,100}$")]
Summary = Annotated[str, Field(max_length=SUMMARY_LENGTH)]


class ExplainArtifact(Message):
    """Have a model explain the calculators' results of one decision. An explanation that is pending or ready stays as
    it is, whichever provider and model are named now; one that failed is asked for again."""

    artifact_id: Identifier
    provider: ProviderName | None = None
    model: ModelName | None = None


class AskAiExplanation(Message):
    artifact_id: Identifier
    with_text: bool = True


class ExplanationFailure(Message):
    """Why there is no text."""

    code: ErrorCode
    message: Annotated[str, Field(max_length=500)]


class AiExplanation(Message):
    """The latest that was asked of a model about one decision. NONE: nothing was. Provider and model are those that
    were named when it was asked, until one has answered."""

    artifact_id: Identifier
    run_id: Identifier
    status: ExplanationStatus = ExplanationStatus.NONE
    origin: Literal["ai"] = "ai"
    advisory: Literal[True] = True
    """Always: what counts is the explanation from the calculators' results (origin `calculators`)."""
    explanation_id: Identifier | None = None
    summary: Summary | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    """Only where it was asked for. What a model wrote: not to be trusted as HTML."""
    text_sha256: Sha256 | None = None
    text_missing: bool = False
    """The text was asked for, and the object store no longer has it, by retention or loss."""
    provider: str | None = None
    model: str | None = None
    ai_call_id: Identifier | None = None
    """Leads to the provenance of the model call; absent where no call was made."""
    error: ExplanationFailure | None = None
    asked_at_utc: Timestamp | None = None
    asked_by: Actor | None = None
    answered_at_utc: Timestamp | None = None
    """When it became READY or ERROR."""
