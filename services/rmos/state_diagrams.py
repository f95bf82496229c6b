"""The page about states (`docs/states.md`), from the tables of the domain: `python -m services.rmos.state_diagrams`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contracts.advisories import AdvisoryStatus
from contracts.artifacts import ExplanationStatus
from contracts.sessions import SessionState
from services.rmos.domain import advisory, ai_explanation, run, session
from services.rmos.domain.run import Standing

PAGE = Path(__file__).parents[2] / "docs" / "states.md"
_HEAD = """\
# States

<!-- Generated from the tables in services/rmos/domain by `python -m services.rmos.state_diagrams`. -->

What is not in these tables is refused with `ILLEGAL_TRANSITION` (409), which names what is allowed instead.
"""
_SESSION = """\
## Workflow session

A session is a draft while tool, material or machine are not all known for its design. Deletion is possible in every
state and leaves a tombstone: under way (from a requested feasibility to ready toolpaths) it takes `force`, and while
the session has runs `cascade`. Opening a run changes no state; it is possible until the session is rejected or
archived.

An approval covers exactly the digests of the design, its verdict and its context. Setting another design or another
context leads back to the beginning and ends it.
"""
_QUIET = frozenset({session.Action.DELETE, session.Action.OPEN_RUN})
"""Actions that the words above tell better than an arrow at every state."""


def states_page() -> str:
    """Markdown with a Mermaid diagram for each table; the same text for the same tables."""
    return "\n".join([_HEAD, *_sessions(), *_runs(), *_advisories(), *_ai_explanations()]) + "\n"


def _sessions() -> Iterator[str]:
    yield _SESSION
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {SessionState.DRAFT.value}"
    yield f"    [*] --> {SessionState.CONTEXT_READY.value}"
    for (source, action), targets in _spoken():
        yield from (f"    {source.value} --> {target.value}: {action.value}" for target in targets)
    yield "```\n"
    yield "| state | what a client may ask for |"
    yield "|---|---|"
    for state in SessionState:
        yield f"| `{state.value}` | {', '.join(f'`{action.value}`' for action in session.allowed_in(state))} |"
    yield ""


def _spoken() -> list[tuple[tuple[SessionState, session.Action], tuple[SessionState, ...]]]:
    """The table in the order of a session's life, without the steps that leave the state as it is."""
    states, actions = list(SessionState), list(session.Action)
    rows = [
        (pair, tuple(target for target in targets if target is not pair[0]))
        for pair, targets in session.TRANSITIONS.items()
        if pair[1] not in _QUIET
    ]
    return sorted((row for row in rows if row[1]), key=lambda row: (states.index(row[0][0]), actions.index(row[0][1])))


def _runs() -> Iterator[str]:
    yield "## Run\n"
    yield "A run with decisions is deleted only with `cascade`, one that a session is under way with only by `force`.\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {Standing.OPEN.value}"
    for (source, action), target in run.TRANSITIONS.items():
        yield f"    {source.value} --> {target.value}: {action.value}"
    yield "```\n"


def _advisories() -> Iterator[str]:
    yield "## Advice on a run\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {AdvisoryStatus.NEW.value}"
    for (source, action), target in advisory.TRANSITIONS.items():
        yield f"    {source.value} --> {target.value}: {action.value}"
    yield "```\n"


def _ai_explanations() -> Iterator[str]:
    yield "## Explanation by a model\n"
    yield (
        "Advice beside the explanation that is computed, in a stream of its own for each artifact. Asking for one\n"
        "that is pending or ready is answered with it and changes nothing. A request that nobody works on any more\n"
        "fails.\n"
    )
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {ExplanationStatus.NONE.value}"
    for (source, action), target in ai_explanation.TRANSITIONS.items():
        if source is not target:
            yield f"    {source.value} --> {target.value}: {action.value}"
    yield "```"


if __name__ == "__main__":
    PAGE.write_text(states_page(), "utf-8")
