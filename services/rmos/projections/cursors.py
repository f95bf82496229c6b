"""Page cursors: opaque to clients, a log position to us. Positions are given once and in order, so a page that begins
after one neither repeats nor leaves out anything, whatever is added meanwhile."""

from __future__ import annotations

import base64
import binascii

from contracts.errors import ErrorCode, RmosError


def cursor_for(listing: str, position: int) -> str:
    """The cursor of what follows this position in this listing."""
    return base64.urlsafe_b64encode(f"{listing}:{position}".encode()).decode().rstrip("=")


def position_in(listing: str, cursor: str | None) -> int | None:
    """The position of a cursor of this listing; None for the first page. Raises INVALID_REQUEST for anything else."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, _, number = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
        if name == listing and number.isdecimal() and number.isascii():
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise RmosError(ErrorCode.INVALID_REQUEST, "the cursor is not one of this list's: begin without one")
