"""DSSE envelopes (github.com/secure-systems-lab/dsse, protocol 1.0.2) with the key of the log's checkpoints. Pure.

One key signs both without danger: what is signed here begins with `DSSEv1 `, and a checkpoint begins with the log's
origin, which has no space. Neither signature can be passed off as the other's.
"""

from __future__ import annotations

import base64
import binascii

import orjson

from contracts.canonical import canonical_bytes
from services.rmos.domain.checkpoint import SigningKey, VerifierKey

IN_TOTO = "application/vnd.in-toto+json"


class NotAnEnvelope(ValueError):
    """The bytes are no envelope that this key signed; the message says why."""


def signed(payload: bytes, key: SigningKey) -> bytes:
    """The envelope in canonical JSON: the same payload and key always give the same bytes."""
    return _envelope(payload, key.sign(_authenticated(payload)), key.verifier)


def opened(envelope: bytes, key: VerifierKey) -> bytes:
    """The payload, once the key's signature is right and the bytes are the one way to write it. Raises
    NotAnEnvelope."""
    try:
        fields = orjson.loads(envelope)
        payload = base64.b64decode(fields["payload"], validate=True)
        (stated,) = fields["signatures"]
        signature = base64.b64decode(stated["sig"], validate=True)
    except (orjson.JSONDecodeError, binascii.Error, KeyError, TypeError, ValueError) as error:
        raise NotAnEnvelope("it is no DSSE envelope with one signature") from error
    if not key.verifies(signature, _authenticated(payload)):
        raise NotAnEnvelope(f"the signature is not that of {keyid(key)} over this payload")
    if _envelope(payload, signature, key) != envelope:
        raise NotAnEnvelope("it is not written as canonical JSON, or names another key")
    return payload


def keyid(key: VerifierKey) -> str:
    """Name and id as signed notes write them, without the key itself."""
    return f"{key.name}+{key.key_id.hex()}"


def _authenticated(payload: bytes) -> bytes:
    """PAE of the protocol: lengths keep type and payload apart."""
    kind = IN_TOTO.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _envelope(payload: bytes, signature: bytes, key: VerifierKey) -> bytes:
    return canonical_bytes(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": IN_TOTO,
            "signatures": [{"keyid": keyid(key), "sig": base64.b64encode(signature).decode()}],
        }
    )
