"""The main job over HTTP: from a prompt to verified G-code, and the files it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.client import Api

Say = Callable[[str, str], None]
"""step, what came of it"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the luthier asks for and has in the shop; lengths in mm."""

    prompt: str
    material_id: str
    tool_id: str
    machine_id: str
    stock_thickness_mm: float
    post: str = "grbl"
    provider: str | None = None
    variant_seed: int | None = None
    diameter_mm: float | None = None


@dataclass(slots=True)
class Outcome:
    """Everything the journey produced, as the gateway answered it."""

    session: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    generated: dict[str, Any] = field(default_factory=dict)
    bound: dict[str, Any] = field(default_factory=dict)
    approved: dict[str, Any] = field(default_factory=dict)
    toolpaths: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


def travel(wish: Wish, designer: Api, operator: Api, key: str, say: Say) -> Outcome:
    """Run the whole journey. `key` makes every step repeatable. Raises ApiError when a step is refused."""
    outcome = Outcome()
    context = {
        "material_id": wish.material_id,
        "tool_id": wish.tool_id,
        "machine_id": wish.machine_id,
        "stock_thickness_mm": wish.stock_thickness_mm,
    }
    session = {"mode": "ai_assisted", "label": wish.prompt[:200], "context": context}
    outcome.session = designer.post("/api/workflow-sessions", session, f"{key}-session")
    session_id = outcome.session["session_id"]
    run = {"workflow_session_id": session_id, "label": wish.prompt[:200]}
    outcome.run = designer.post("/api/runs", run, f"{key}-run")
    run_id = outcome.run["run_id"]
    say("session and run", f"{session_id} · {run_id}")

    asked = {"prompt": wish.prompt, "count": 1, "route": "direct", "run_id": run_id}
    optional = {"provider": wish.provider, "variant_seed": wish.variant_seed, "diameter_mm": wish.diameter_mm}
    asked |= {name: value for name, value in optional.items() if value is not None}
    outcome.generated = designer.post("/api/art-studio/svg/generate", asked, f"{key}-generate")
    variant = outcome.generated["variants"][0]
    say("designed", f"{len(variant['spec']['shapes'])} shapes, seed {outcome.generated['variant_seed']}")

    path = f"/api/runs/{run_id}/artifacts/bind-art-studio-candidate"
    outcome.bound = designer.post(path, {"required_kinds": ["svg", "spec"]}, f"{key}-bind")
    decision = outcome.bound["decision"]
    say("judged", f"{outcome.bound['status']}: {decision['risk_level']}, score {decision['score']}")
    if outcome.bound["status"] != "OK":
        return outcome

    approval = {"session_id": session_id, "note": "approved by the demo's operator"}
    outcome.approved = operator.post("/api/rmos/workflow/approve", approval, f"{key}-approve")
    say("approved", outcome.approved["state"])

    wanted = {"run_id": run_id, "artifact_id": outcome.bound["artifact_id"], "post": wish.post}
    outcome.toolpaths = operator.post("/api/rmos/toolpaths", wanted, f"{key}-toolpaths")
    simulation = outcome.toolpaths["simulation"]
    say(
        "toolpaths",
        f"{simulation['lines']} lines, {simulation['coverage_of_reachable']:.4%} of the reachable area, "
        f"{simulation['gouge_mm2']} mm² outside, {simulation['cycle_time_s'] / 60:.1f} min",
    )
    outcome.events = operator.get(f"/api/runs/{run_id}/events", limit=200)["items"]
    say("recorded", f"{len(outcome.events)} events of this run in the log")
    return outcome


def write_files(outcome: Outcome, wish: Wish, operator: Api, folder: Path) -> list[Path]:
    """Write what there is: drawing, picture, spec, program, plan, provenance, summary. Returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    run_id = outcome.run["run_id"]
    names = {"svg": "rosette.svg", "png": "rosette.png", "spec": "spec.json"}
    written = []

    def write(name: str, content: bytes) -> None:
        path = folder / name
        path.write_bytes(content)
        written.append(path)

    for attachment in operator.get(f"/api/runs/{run_id}/attachments?limit=200")["items"]:
        if attachment["kind"] in names:
            content = operator.get_bytes(f"/api/runs/{run_id}/attachments/{attachment['attachment_id']}")
            write(names[attachment["kind"]], content)
    if outcome.toolpaths:
        # as bytes, not from the reply: a long program is not inlined there, and its digest is that of the file
        outputs = f"/api/artifacts/{outcome.toolpaths['artifact_id']}/outputs"
        write("rosette.nc", operator.get_bytes(f"{outputs}/gcode"))
        write("opplan.json", operator.get_bytes(f"{outputs}/opplan"))
    write("provenance.json", (json.dumps(provenance_of(outcome), indent=2, sort_keys=True) + "\n").encode())
    write("summary.md", summary_of(outcome, wish).encode())
    return written


def provenance_of(outcome: Outcome) -> dict[str, Any]:
    """The chain from the prompt's digest to the program's, with the log positions that record it."""
    approval = outcome.approved.get("artifact") or {}
    return {
        "run_id": outcome.run["run_id"],
        "session_id": outcome.session["session_id"],
        "model_calls": outcome.generated["provenance"],
        "candidate": {"artifact_id": outcome.bound["artifact_id"], "hashes": outcome.bound["hashes"]},
        "approval": {"artifact_id": approval.get("artifact_id"), "actor": approval.get("actor")},
        "toolpaths": {
            "artifact_id": outcome.toolpaths.get("artifact_id"),
            "hashes": outcome.toolpaths.get("hashes", {}),
        },
        "events": [
            {name: event[name] for name in ("position", "type", "event_id", "leaf_sha256")} for event in outcome.events
        ],
    }


def summary_of(outcome: Outcome, wish: Wish) -> str:
    """A page for people: what was asked, what was judged, what may be cut."""
    bound = outcome.bound
    decision = bound["decision"]
    lines = [
        f"# {wish.prompt}",
        "",
        f"Run `{outcome.run['run_id']}` in session `{outcome.session['session_id']}`.",
        "",
        (
            f"- Material `{wish.material_id}`, {wish.stock_thickness_mm} mm thick; cutter `{wish.tool_id}`; "
            f"machine `{wish.machine_id}`"
        ),
        (
            f"- Verdict **{decision['risk_level']}**, score {decision['score']} "
            f"({'may be cut' if bound['status'] == 'OK' else 'blocked: ' + str(decision['block_reason'])})"
        ),
        f"- Feasibility `{bound['feasibility_sha256']}`",
    ]
    lines += [f"- Warning: {warning}" for warning in decision["warnings"]]
    if outcome.toolpaths:
        simulation, hashes = outcome.toolpaths["simulation"], outcome.toolpaths["hashes"]
        lines += [
            "",
            "## Program",
            "",
            f"- `rosette.nc` ({wish.post}), SHA-256 `{hashes['gcode']}`",
            f"- {simulation['lines']} lines, about {simulation['cycle_time_s'] / 60:.1f} minutes",
            (
                f"- Simulated from the final text: {simulation['coverage_of_reachable']:.4%} of the reachable area, "
                f"{simulation['gouge_mm2']} mm² outside it, {simulation['rapids_below_top']} rapids below the top, "
                f"ramps up to {simulation['max_ramp_deg']}°"
            ),
        ]
    lines += ["", "## Judgement", "", "| calculator | risk | score | says |", "|---|---|---|---|"]
    for result in bound["feasibility"]["results"]:
        score = result["score"] if result["score"] is not None else "-"
        lines.append(f"| {result['calculator']} | {result['risk']} | {score} | {result['summary']} |")
    return "\n".join(lines) + "\n"
