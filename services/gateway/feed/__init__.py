"""The log as server-sent events: one reader of LOG per process, a ring of its newest events, a catch-up per client."""
