"""Art as pure code: specs into drawings, drawings judged, prompts built, answers read."""
