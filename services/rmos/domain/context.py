"""Cutting contexts: how one stands on another, and when one is enough to be judged in."""

from __future__ import annotations

from contracts.feasibility import CuttingContext


def merged(base: CuttingContext, over: CuttingContext) -> CuttingContext:
    """`base` with every field that `over` states."""
    return base.model_copy(update={name: getattr(over, name) for name in over.model_fields_set if getattr(over, name)})


def has_context(context: CuttingContext) -> bool:
    """Whether tool, material and machine are all known."""
    return None not in (context.tool_id, context.material_id, context.machine_id)
