"""The stack's keys for the log's checkpoints, and their public halves as C2SP signed notes write them."""

from __future__ import annotations

import base64
import hashlib
import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def new_origin() -> str:
    """A name for a log that no other log has."""
    return f"rmos.local/{secrets.token_hex(6)}"


def new_seed() -> str:
    """An Ed25519 private key: 64 hexadecimal digits."""
    return secrets.token_hex(32)


def verifier_key(origin: str, seed: str) -> str:
    """`<origin>+<key id>+<base64 of 0x01 and the public key>`."""
    public = b"\x01" + Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).public_key().public_bytes_raw()
    key_id = hashlib.sha256(origin.encode() + b"\n" + public).hexdigest()[:8]
    return f"{origin}+{key_id}+{base64.b64encode(public).decode()}"
