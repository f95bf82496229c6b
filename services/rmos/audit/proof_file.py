"""A proof as it comes over HTTP, believed only after it was checked here."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from contracts.audit import ArtifactProof
from contracts.canonical import sha256_hex
from services.rmos.audit.access import NothingToReach
from services.rmos.domain.checkpoint import NotACheckpoint, VerifierKey, opened
from services.rmos.domain.leaf import leaf_of
from services.rmos.domain.merkle import includes
from services.rmos.gateway_access import Gateway


class ProvesNothing(Exception):
    """What was given as a proof is none; the message says why."""


def fetched_proof(gateway: Gateway, artifact_id: str, keys: Sequence[VerifierKey]) -> dict[str, Any]:
    """The gateway's proof of an artifact. Raises NothingToReach, or ProvesNothing."""
    status, body = gateway.asked(f"/api/artifacts/{quote(artifact_id, safe='')}/proof")
    if status != http.client.OK:
        raise NothingToReach(str(body.get("message", status)))
    try:
        problem = wrong_with(ArtifactProof.model_validate(body), keys)
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # the parts of a proof, but not of one
        problem = f"it is not written as a proof ({type(error).__name__})"
    if problem is not None:
        raise ProvesNothing(f"the proof does not hold: {problem}")
    return body


def wrong_with(proof: ArtifactProof, keys: Sequence[VerifierKey]) -> str | None:
    """Why the proof does not hold; None when it does."""
    entry = proof.entry.encode()
    try:
        checkpoint = opened(proof.checkpoint.encode(), keys)
    except NotACheckpoint as error:
        return str(error)
    if json.loads(entry)["data_sha256"] != sha256_hex(proof.data_json.encode()):
        return "the event's bytes are not those of the entry"
    if json.loads(proof.data_json).get("artifact", {}).get("artifact_id") != proof.artifact_id:
        return "the event records another artifact"
    hashes = [bytes.fromhex(text) for text in proof.hashes]
    if not includes(leaf_of(entry), proof.leaf_index, checkpoint.size, hashes, checkpoint.root):
        return "the hashes do not lead from the entry to the signed root"
    return None
