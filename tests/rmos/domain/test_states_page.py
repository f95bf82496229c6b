from __future__ import annotations

import re

from contracts.sessions import SessionState
from services.rmos.domain.session import TRANSITIONS
from services.rmos.state_diagrams import PAGE, states_page


def test_the_page_about_states_is_the_generated_one() -> None:
    assert PAGE.read_text("utf-8") == states_page()


def test_the_diagram_shows_every_step_that_leads_elsewhere() -> None:
    shown = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", states_page(), re.MULTILINE))
    for (source, action), targets in TRANSITIONS.items():
        for target in targets:
            if target is not source:
                assert (source.value, target.value, action.value) in shown
    assert {state.value for state in SessionState} <= {name for step in shown for name in step[:2]}
