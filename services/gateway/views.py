"""Replies as HTTP clients read them: numbers as JSON numbers, decisions with what a person looks for first."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import TypeAdapter

from contracts.ai_explanations import AiExplanation
from contracts.art import PromptToSvgReply
from contracts.artifacts import ArtifactStatus, RunArtifact
from contracts.catalog import Machine, Material, Tool
from contracts.feasibility import FeasibilityReply
from contracts.model import for_people
from contracts.rmos import ArtifactReply, CatalogEntries, Events, SessionReply


def artifact_view(reply: ArtifactReply) -> dict[str, Any]:
    """The artifact's fields; in `outputs` the blob references with the small texts beside them."""
    shown = for_people(reply.artifact)
    shown["outputs"] |= {"gcode_text": reply.gcode_text, "opplan_json": reply.opplan_json}
    return shown


def ai_explanation_view(explained: AiExplanation) -> dict[str, Any]:
    """A model's explanation in short, beside the artifact: its text is asked for by itself."""
    return for_people(explained, exclude={"text", "text_missing"})


def candidate_view(artifact: RunArtifact) -> dict[str, Any]:
    """A bind's answer: the verdict first, then what it rests on."""
    shown = for_people(artifact)
    kept = (
        *("artifact_id", "run_id", "status", "decision", "feasibility", "hashes", "attachments", "mode", "context"),
        *("workflow_session_id", "created_at_utc", "actor", "engine_version", "compute_ms", "request_id"),
    )
    return {
        **{name: shown[name] for name in kept},
        "verdict": "ALLOW" if artifact.status is ArtifactStatus.OK else "BLOCK",
        "feasibility_sha256": artifact.feasibility.feasibility_sha256 if artifact.feasibility else None,
    }


def toolpaths_view(reply: ArtifactReply) -> dict[str, Any]:
    """A toolpath request's answer; `outputs` holds the texts, and the references under `blobs`."""
    shown = for_people(reply.artifact)
    kept = (
        *("run_id", "artifact_id", "status", "decision", "hashes", "simulation", "mode", "context", "meta"),
        *("workflow_session_id", "parent_artifact_id", "created_at_utc", "engine_version", "compute_ms", "request_id"),
    )
    outputs = {"gcode_text": reply.gcode_text, "opplan_json": reply.opplan_json, "blobs": shown["outputs"]}
    return {**{name: shown[name] for name in kept}, "outputs": outputs}


def feasibility_view(reply: FeasibilityReply) -> dict[str, Any]:
    shown = for_people(reply)
    verdict: dict[str, Any] = shown["feasibility"]
    return {**verdict, "compute_ms": shown["compute_ms"]}


def session_view(reply: SessionReply) -> dict[str, Any]:
    """The session's fields; after a decision, the artifact that records it."""
    shown = for_people(reply)
    session: dict[str, Any] = shown["session"]
    return session if reply.artifact is None else {**session, "artifact": shown["artifact"]}


def events_view(reply: Events) -> dict[str, Any]:
    """Events as they stand in the log. `data_json` is what the leaf hash covers, `data` the same, parsed: in both,
    decimals are the recorded strings."""
    shown = for_people(reply)
    for event in shown["items"]:
        event["data"] = orjson.Fragment(event["data_json"])
    return shown


_ENTRIES: dict[str, TypeAdapter[Any]] = {
    "materials": TypeAdapter(tuple[Material, ...]),
    "tools": TypeAdapter(tuple[Tool, ...]),
    "machines": TypeAdapter(tuple[Machine, ...]),
}


def catalog_view(reply: CatalogEntries) -> dict[str, Any]:
    entries = _ENTRIES[reply.kind].validate_json(reply.items_json)
    return {
        "kind": reply.kind,
        "catalog_sha256": reply.catalog_sha256,
        "items": [for_people(entry) for entry in entries],
    }


def failed_variants(reply: PromptToSvgReply) -> list[dict[str, Any]]:
    """Why each variant failed."""
    return [
        {
            "index": variant.index,
            "variant_seed": variant.variant_seed,
            "error": variant.error.model_dump(mode="json") if variant.error else None,
            "warnings": list(variant.warnings),
        }
        for variant in reply.variants
    ]
