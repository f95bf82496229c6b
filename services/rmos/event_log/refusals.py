"""Every way in which the log says no, as the error envelope's codes."""

from __future__ import annotations

from contracts.errors import ErrorCode, RmosError


def version_conflict(stream: str, expected: int, actual: int) -> RmosError:
    return RmosError(
        ErrorCode.VERSION_CONFLICT,
        f"{stream} is at version {actual}, not {expected}: it changed meanwhile, look at it again",
        stream=stream,
        expected=expected,
        actual=actual,
    )


def other_command(command_id: str) -> RmosError:
    return RmosError(
        ErrorCode.IDEMPOTENCY_MISMATCH,
        f"command {command_id} was recorded before with other content: a new command needs a new id",
        command_id=command_id,
    )


def event_id_taken(event_id: str) -> RmosError:
    return RmosError(
        ErrorCode.IDEMPOTENCY_MISMATCH,
        f"event id {event_id} stands in the log already, from another command",
        event_id=event_id,
    )


def not_leading() -> RmosError:
    return RmosError(
        ErrorCode.UNAVAILABLE, "this process does not write the log at the moment; ask again", outcome="not_appended"
    )


def not_appended(reason: str) -> RmosError:
    return RmosError(ErrorCode.UNAVAILABLE, f"the log could not take it ({reason}); ask again", outcome="not_appended")


def outcome_unknown() -> RmosError:
    return RmosError(
        ErrorCode.UNAVAILABLE,
        "the connection to the database broke during the commit; ask again with the same command id",
        outcome="unknown",
    )


def unreadable(reason: str) -> RmosError:
    return RmosError(ErrorCode.UNAVAILABLE, f"the log cannot be read at the moment ({reason}); ask again")
