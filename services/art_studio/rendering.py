"""SVG -> PNG by resvg, inside a worker process that ends itself when a drawing takes too long.

A drawing can be made to cost any amount of time (nested references, dash patterns), and native code hears no Python
signal handler: SIGPROF with its default action kills the worker, and the pool replaces it. What counts is processor
time, so that a busy machine does not turn a slow picture into a failed one.
"""

from __future__ import annotations

import signal

import resvg_py

PREVIEW_PX = 1024
CPU_LIMIT_S = 10.0
"""The largest drawing that the compiler makes takes about 2 s."""
_DPI = 96  # CSS: 1 in = 96 px; without it resvg refuses sizes in mm


def render_png(svg: bytes, width_px: int = PREVIEW_PX, cpu_limit_s: float = CPU_LIMIT_S) -> bytes:
    """The picture on white, `width_px` wide. Raises ValueError for what resvg cannot read. Runs in a worker process,
    which dies after `cpu_limit_s` seconds of processor time."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu_limit_s)
    try:
        return resvg_py.svg_to_bytes(
            svg_string=svg.decode(), width=width_px, dpi=_DPI, background="#ffffff", skip_system_fonts=True
        )
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
