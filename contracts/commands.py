"""What makes two commands the same one."""

from __future__ import annotations

from contracts.canonical import digest_of
from contracts.model import Message


def command_digest(command: Message) -> str:
    """SHA-256 (hex) that tells a repeated command from another one under the same id."""
    return digest_of({"command": type(command).__name__, "body": command.model_dump(mode="json")})
