"""Feasibility: can this design be cut with this tool in this stock on this machine, what limits it, what to change."""

from services.rmos.domain.feasibility.engine import ENGINE_VERSION, evaluate, written_verdict

__all__ = ["ENGINE_VERSION", "evaluate", "written_verdict"]
