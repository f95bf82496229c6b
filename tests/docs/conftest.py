"""The running system for the samples that talk to it."""

from __future__ import annotations

from tests.e2e.conftest import stack

__all__ = ["stack"]
