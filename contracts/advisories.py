"""Advisories: assets that a run refers to as advice, and what persons think of them. They decide nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.model import Identifier, Message

Rating = Annotated[int, Field(ge=1, le=5)]
"""1 (useless) to 5 (excellent)."""


class AdvisoryStatus(StrEnum):
    NEW = "NEW"
    REVIEWED = "REVIEWED"
    PROMOTED = "PROMOTED"
    REJECTED = "REJECTED"


class RejectionCode(StrEnum):
    GEOMETRY_UNSAFE = "GEOMETRY_UNSAFE"
    TEXT_REQUIRES_OUTLINE = "TEXT_REQUIRES_OUTLINE"
    AESTHETIC = "AESTHETIC"
    DUPLICATE = "DUPLICATE"
    OTHER = "OTHER"


class Advisory(Message):
    """One asset as a run's advice, with the latest that was said about it."""

    run_id: Identifier
    asset_id: Identifier
    status: AdvisoryStatus = AdvisoryStatus.NEW
    rating: Rating | None = None
    code: RejectionCode | None = None
    note: str | None = None
    allowed: tuple[str, ...] = ()
    """What may be said next."""


class Advisories(Message):
    run_id: Identifier
    items: tuple[Advisory, ...]


class AskAdvisories(Message):
    run_id: Identifier
    status: AdvisoryStatus | None = None


class _AdvisoryCommand(Message):
    run_id: Identifier
    asset_id: Identifier
    rating: Rating | None = None
    note: Annotated[str, Field(max_length=4000)] | None = None


class ReviewAdvisory(_AdvisoryCommand):
    """Looked at, nothing decided yet; may be said again with another rating."""

    rating: Rating


class PromoteAdvisory(_AdvisoryCommand):
    """The one to go on with."""


class RejectAdvisory(_AdvisoryCommand):
    code: RejectionCode
