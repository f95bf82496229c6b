"""SVG -> PNG by resvg, inside a worker process that ends itself when a drawing takes too long.

A drawing can be made to cost any amount of time (nested references, dash patterns), and native code hears no Python
signal handler: SIGALRM with its default action kills the worker, and the pool replaces it.
"""

from __future__ import annotations

import signal

import resvg_py

PREVIEW_PX = 1024
TIMEOUT_S = 20.0
_DPI = 96  # CSS: 1 in = 96 px; without it resvg refuses sizes in mm


def render_png(svg: bytes, width_px: int = PREVIEW_PX, timeout_s: float = TIMEOUT_S) -> bytes:
    """The picture on white, `width_px` wide. Raises ValueError for what resvg cannot read. Runs in a worker process:
    after `timeout_s` the process dies."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, timeout_s)
    try:
        return resvg_py.svg_to_bytes(
            svg_string=svg.decode(), width=width_px, dpi=_DPI, background="#ffffff", skip_system_fonts=True
        )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
