"""Comparing two decisions or two runs, and explaining one decision."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from contracts.artifacts import ExplanationStatus
from contracts.model import Identifier, Message, NonNegative, Sha256


class AskDiff(Message):
    """Two runs are compared by their latest decisions that hold a design, or the latest at all."""

    of: Literal["runs", "artifacts"]
    a: Identifier
    b: Identifier


class FieldDiff(Message):
    """One place in which the two differ. None: it is not there."""

    path: str
    a: JsonValue = None
    b: JsonValue = None


class HashDiff(Message):
    name: str
    a: Sha256 | None = None
    b: Sha256 | None = None


class GeometryDiff(Message):
    """What `b` has more and less than `a`, as areas in mm² of the part frame. Lines without an area do not count."""

    a_mm2: NonNegative
    b_mm2: NonNegative
    common_mm2: NonNegative
    added_mm2: NonNegative
    removed_mm2: NonNegative
    changed_mm2: NonNegative
    """Part of the common area whose depth or material differs."""
    svg: str
    """Picture: what stays grey, what came green, what went red, what changed depth or material amber. mm, Y down."""


class Diff(Message):
    """Everything in which `b` differs from `a`; empty lists mean equal."""

    of: Literal["runs", "artifacts"]
    a: Identifier
    b: Identifier
    a_artifact_id: Identifier | None = None
    b_artifact_id: Identifier | None = None
    fields: tuple[FieldDiff, ...] = ()
    hashes: tuple[HashDiff, ...] = ()
    inputs: tuple[FieldDiff, ...] = ()
    """Of the feasibility: context and each calculator's inputs."""
    results: tuple[FieldDiff, ...] = ()
    """Of the feasibility: verdict and each calculator's results."""
    geometry: GeometryDiff | None = None
    """None when one of the two holds no design."""


class AskExplanation(Message):
    artifact_id: Identifier


class Explanation(Message):
    """Why a decision came out as it did: the same text for the same artifact, made from what is on the record."""

    artifact_id: Identifier
    status: ExplanationStatus
    summary: str
    text: str
    """Markdown."""
    origin: Literal["calculators"] = "calculators"
