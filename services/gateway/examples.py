"""Examples and hand-written schemas of the API's description: one per request of the main journey."""

from __future__ import annotations

from typing import Any

_SHOP = {
    "material_id": "spruce_sitka",
    "tool_id": "flat_1_0",
    "machine_id": "shapeoko_4_xxl",
    "stock_thickness_mm": 2.8,
}
_SAW = {
    "material_id": "maple_hard",
    "tool_id": "saw_160_1_4_32",
    "machine_id": "cnc_saw_precision",
    "stock_thickness_mm": 3,
}
_RUN = "run_01JZ8QK4T6V9W2X3Y4Z5A6B7C8"
_SESSION = "session_01JZ8QK4T6V9W2X3Y4Z5A6B7C8"
_ARTIFACT = "artifact_01JZ8QK4T6V9W2X3Y4Z5A6B7C8"
_RING = {"type": "ring", "r_inner": 45, "r_outer": 48, "depth_mm": 1.5, "material": "maple_hard"}
_SPEC = {"version": "v1", "canvas_mm": 120, "shapes": [_RING]}
_DESIGN = {
    "inner_diameter_mm": 90,
    "outer_diameter_mm": 110,
    "channel_depth_mm": 1.5,
    "ring_params": [
        {"ring_index": 0, "width_mm": 2, "pattern_type": "solid", "material_id": "ebony"},
        {"ring_index": 1, "width_mm": 6, "pattern_type": "tile", "tile_length_mm": 4, "material_id": "abalone"},
    ],
}


def _examples(**values: Any) -> dict[str, Any]:
    return {name: {"summary": name.replace("_", " "), "value": value} for name, value in values.items()}


OPEN_RUN = _examples(
    in_a_session={"label": "gothic rosette", "workflow_session_id": _SESSION, "context": _SHOP},
    fields_at_the_top={"label": "test cut", **_SHOP},
)
OPEN_SESSION = _examples(with_context={"mode": "ai_assisted", "label": "gothic rosette", "context": _SHOP})
PROMPT = _examples(
    three_variants={"prompt": "gothic rosette, twelve petals, 110 mm", "count": 3, "variant_seed": 7},
)
GENERATE = _examples(
    into_a_run={"prompt": "gothic rosette, twelve petals, 110 mm", "run_id": _RUN, "route": "direct"},
)
BIND = _examples(
    newest_of_each_kind={"required_kinds": ["svg", "spec"], "operator_notes": "for the OM body"},
    explicit={"attachment_ids": ["0" * 64, "1" * 64]},
)
EVALUATE = _examples(
    parameters={"design": _DESIGN, "context": _SHOP},
    spec={"spec": _SPEC, "context": _SHOP},
    strips_on_the_saw={"spec": _SPEC, "mode": "saw", "context": _SAW},
)
_WANTED = {
    **_SHOP,
    "tool_id": "flat_1_5875",
    "target_inner_diameter_mm": 90,
    "target_outer_diameter_mm": 120,
    "min_rings": 2,
    "max_rings": 6,
    "channel_depth_mm": 1.5,
    "style": "gothic",
}
SEARCH = _examples(
    green_design={
        "context": _WANTED,
        "search_budget": {"max_attempts": 50, "time_limit_seconds": 30, "min_feasibility_score": 80},
        "variant_seed": 7,
    },
)
QUICK_CHECK = _examples(is_there_one={"context": _WANTED})
EVALUATE_BATCH = _examples(two_designs={"context": _SHOP, "items": [{"design": _DESIGN}, {"spec": _SPEC}]})
ADD_ENTRY = _examples(
    material={
        "id": "bone_own",
        "name": "Bone of our own stock",
        "family": "bone",
        "density": {"value": 1900, "unit": "kg/m3", "source": "weighed", "standing": "est"},
        "min_wall": {"value": 0.5, "unit": "mm", "source": "test piece", "standing": "est"},
        "min_piece": {"value": 0.5, "unit": "mm", "source": "test piece", "standing": "est"},
    },
)
ADD_ENTRIES = _examples(material={"entries": [{"material": ADD_ENTRY["material"]["value"]}]})
DECIDE = _examples(decision={"session_id": _SESSION, "note": "checked against the drawing"})
SET_DESIGN = _examples(parameters={"design": _DESIGN}, spec={"spec": _SPEC, "expected_version": 3})
OVERRIDE = _examples(
    yellow={"artifact_id": _ARTIFACT, "scope": "YELLOW", "reason": "the test cut in an offcut was clean"},
)
EXPLAIN = _examples(by_the_default_provider={}, by_a_model_of_ones_own={"provider": "local", "model": "qwen3:8b"})
IMPORT = _examples(
    run_file={
        "path": "2025-08-20/run_7.json",
        "sha256": "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356",
        "b64": "e30K",
    }
)
PURGE = _examples(tell_only={"older_than_days": 365, "statuses": ["BLOCKED", "ERROR"], "dry_run": True})
MAKE_TOOLPATHS = _examples(
    bound_candidate={"run_id": _RUN, "artifact_id": _ARTIFACT, "post": "grbl"},
    parameters={"design": _DESIGN, "context": _SHOP},
)

_ATTACHMENT_FIELDS: dict[str, Any] = {
    "kind": {"enum": ["svg", "spec", "provenance", "png", "photo", "document", "other"]},
    "filename": {"type": "string", "minLength": 1, "maxLength": 255},
    "content_type": {"type": "string", "maxLength": 127},
    "sha256": {
        "type": "string",
        "pattern": "^(att-)?[0-9a-fA-F]{64}$",
        "description": "The digest the content must have; a difference is refused.",
    },
}
ATTACHMENT_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["kind", "b64"],
                "properties": {
                    **_ATTACHMENT_FIELDS,
                    "b64": {"type": "string", "contentEncoding": "base64"},
                    "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                    "actor": {"description": "Must agree with the credential; never needed."},
                },
            },
            "example": {
                "kind": "document",
                "filename": "note.txt",
                "content_type": "text/plain",
                "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                "b64": "aGVsbG8=",
            },
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["kind", "file"],
                "properties": {
                    **_ATTACHMENT_FIELDS,
                    "file": {"type": "string", "contentMediaType": "application/octet-stream"},
                    "metadata": {"type": "string", "description": "A JSON object of strings."},
                },
            }
        },
    },
}


def _ok(description: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": description, "content": {"application/json": {"schema": schema}}}}


def _component(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


ARTIFACT = _ok("The artifact; small outputs inline.", _component("ArtifactView"))
_ASKED = {
    "artifact_id": _ARTIFACT,
    "run_id": _RUN,
    "origin": "ai",
    "advisory": True,
    "explanation_id": "explanation_01JZ8QK4T6V9W2X3Y4Z5A6B7C8",
    "provider": "offline",
    "model": "offline-rosette-1",
    "asked_at_utc": "2026-11-21T09:30:00.000000Z",
    "asked_by": {"id": "designer", "role": "designer", "kind": "person"},
}
_CALLED = {"ai_call_id": "call_01JZ8QK4T6V9W2X3Y4Z5A6B7C8", "answered_at_utc": "2026-11-21T09:30:02.000000Z"}
_SAID = "The calculations came out YELLOW with a score of 78 of 100: it may be cut with care."
_TIMEOUT = {"code": "AI_TIMEOUT", "message": "offline gave no answer in time"}
_READY = {**_ASKED, "status": "READY", **_CALLED, "summary": _SAID, "text": _SAID, "text_sha256": "0" * 64}


def _explained(description: str, **values: Any) -> dict[str, Any]:
    content = {"schema": _component("AiExplanation"), "examples": _examples(**values)}
    return {"description": description, "content": {"application/json": content}}


AI_EXPLANATION: dict[int | str, dict[str, Any]] = {
    200: _explained("What is there already; nothing was asked.", ready=_READY),
    202: {
        **_explained("A model is being asked.", pending={**_ASKED, "status": "PENDING"}),
        "headers": {"Location": {"schema": {"type": "string"}, "description": "Where it can be looked at."}},
    },
}
AI_EXPLANATION_SHOWN: dict[int | str, dict[str, Any]] = {
    200: _explained(
        "The latest request.",
        never_asked={"artifact_id": _ARTIFACT, "run_id": _RUN, "status": "NONE", "origin": "ai", "advisory": True},
        ready=_READY,
        failed={**_ASKED, "status": "ERROR", **_CALLED, "error": _TIMEOUT},
    ),
}
CATALOG = _ok(
    "The entries.",
    {
        "type": "object",
        "required": ["kind", "catalog_sha256", "items"],
        "properties": {
            "kind": {"type": "string"},
            "catalog_sha256": {"type": "string"},
            "items": {"type": "array", "items": {"type": "object"}},
        },
    },
)
FEASIBILITY = _ok(
    "The verdict.",
    {"allOf": [_component("Feasibility"), {"properties": {"compute_ms": {"type": "number"}}}]},
)
CATALOG_ENTRY: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "The entry, and the digest of the catalog that has it.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["catalog_sha256"],
                    "properties": {
                        "catalog_sha256": {"type": "string"},
                        "material": {"type": "object"},
                        "tool": {"type": "object"},
                        "machine": {"type": "object"},
                    },
                }
            }
        },
    }
}
BATCH = _ok(
    "A verdict or an error for each item.",
    {
        "type": "object",
        "required": ["items", "compute_ms"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["index"],
                    "properties": {
                        "index": {"type": "integer"},
                        "feasibility": _component("Feasibility"),
                        "error": {"type": "object"},
                    },
                },
            },
            "compute_ms": {"type": "number"},
        },
    },
)
BOUND = _ok(
    "ALLOW or BLOCK, recorded.",
    {
        "type": "object",
        "required": ["artifact_id", "run_id", "status", "verdict", "decision", "feasibility_sha256", "hashes"],
        "properties": {
            "artifact_id": {"type": "string"},
            "run_id": {"type": "string"},
            "status": {"enum": ["OK", "BLOCKED"]},
            "verdict": {"enum": ["ALLOW", "BLOCK"]},
            "decision": _component("Decision"),
            "feasibility": _component("Feasibility"),
            "feasibility_sha256": {"type": "string"},
            "hashes": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
)
TOOLPATHS = _ok(
    "The released program.",
    {
        "type": "object",
        "required": ["run_id", "artifact_id", "status", "decision", "hashes", "outputs", "simulation"],
        "properties": {
            "run_id": {"type": "string"},
            "artifact_id": {"type": "string"},
            "status": {"enum": ["OK"]},
            "decision": _component("Decision"),
            "hashes": {"type": "object", "additionalProperties": {"type": "string"}},
            "outputs": {
                "type": "object",
                "properties": {
                    "gcode_text": {
                        "type": ["string", "null"],
                        "description": "Up to 200,000 bytes; a larger program is at /api/artifacts/{id}/outputs/gcode.",
                    },
                    "opplan_json": {"type": ["string", "null"]},
                    "blobs": {"type": "object", "additionalProperties": _component("BlobRef")},
                },
            },
            "simulation": _component("Simulation"),
        },
    },
)

PROBLEM_EXAMPLE = {
    "error": "DIGEST_MISMATCH",
    "message": "the content's SHA-256 is 2cf2…, declared was 0000…: nothing was stored",
    "details": {"declared_sha256": "0" * 64, "actual_sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e" * 2},
    "request_id": "req_01JZ8QK4T6V9W2X3Y4Z5A6B7C8",
    "retryable": False,
    "type": "urn:rmos:error:DIGEST_MISMATCH",
    "title": "Bad Request",
    "status": 400,
}
