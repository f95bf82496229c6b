"""The evidence bundle: one zip that shows, offline, what a run decided and what its programs rest on. Pure.

Members, in this order: `manifest.json`, `public-key`, `checkpoint`, `statement.dsse.json`, `events/<position>.json`,
`blobs/<SHA-256><suffix>`. Everything is stored uncompressed with fixed times and rights, so the same content gives the
same bytes, and a bundle is one only if writing its members anew gives it again.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from contracts.blobs import BlobRef, blob_key
from contracts.canonical import canonical_bytes, sha256_hex
from services.rmos.audit.rows import LogRow, entry_of_row
from services.rmos.domain.checkpoint import VerifierKey

FORMAT = "rmos.bundle.v1"
MANIFEST, KEY, CHECKPOINT, STATEMENT = "manifest.json", "public-key", "checkpoint", "statement.dsse.json"
EVENTS, BLOBS = "events/", "blobs/"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can name."""
_LOCAL_HEADER = 30
SINGLE = (MANIFEST, KEY, CHECKPOINT, STATEMENT)
_ORDER = {name: number for number, name in enumerate(SINGLE)}


class NotABundle(ValueError):
    """The bytes are no zip of the one form that bundles have; the message says why."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a bundle: rows by position, each with the hashes that lead to the signed root."""

    run_id: str
    keys: Sequence[VerifierKey]
    """That of the checkpoint, and that of the statement where it is another: a key was rotated in between."""
    note: bytes
    envelope: bytes
    rows: Sequence[tuple[LogRow, Sequence[bytes]]]
    blobs: Mapping[BlobRef, bytes]


def bundle_of(contents: Contents) -> bytes:
    """The zip's bytes."""
    members = {
        KEY: key_member(contents.keys),
        CHECKPOINT: contents.note,
        STATEMENT: contents.envelope,
        **{event_name(row.position): event_member(row, hashes) for row, hashes in contents.rows},
        **{blob_name(blob): data for blob, data in contents.blobs.items()},
    }
    return zipped({MANIFEST: manifest_of(contents.run_id, members), **members})


def manifest_of(run_id: str, members: Mapping[str, bytes]) -> bytes:
    """The list of all other members. It is not what they are believed for: each proves itself."""
    listed = [
        {"name": name, "sha256": sha256_hex(members[name]), "size": len(members[name])}
        for name in sorted(members, key=_place)
        if name != MANIFEST
    ]
    return canonical_bytes({"format": FORMAT, "run_id": run_id, "members": listed})


def key_member(keys: Sequence[VerifierKey]) -> bytes:
    return "".join(f"{key}\n" for key in keys).encode()


def event_name(position: int) -> str:
    return f"{EVENTS}{position:012}.json"


def event_member(row: LogRow, hashes: Sequence[bytes]) -> bytes:
    """`data` hashes to the entry's `data_sha256`; entry, position and `hashes` give the checkpoint's root."""
    return canonical_bytes(
        {
            "data": row.data.decode(),
            "entry": entry_of_row(row).decode(),
            "hashes": [hash_.hex() for hash_ in hashes],
            "position": row.position,
        }
    )


def row_of(member: bytes) -> tuple[LogRow, list[bytes]]:
    """The event and its proof as a member states them: nothing is checked but the form. Raises NotABundle."""
    try:
        stated = orjson.loads(member)
        entry = orjson.loads(stated["entry"])
        row = LogRow(
            position=stated["position"],
            stream=entry["stream"],
            version=entry["version"],
            event_id=entry["event_id"],
            type=entry["type"],
            recorded_at_utc=entry["recorded_at_utc"],
            actor=entry["actor"],
            request_id=entry["request_id"],
            command_id=entry["command_id"],
            command_index=entry["command_index"],
            command_sha256=bytes.fromhex(entry["command_sha256"]),
            causation_id=entry["causation_id"],
            writer_epoch=entry["writer_epoch"],
            data=stated["data"].encode(),
            leaf=b"",
        )
        if any(type(value) is not int for value in (row.position, row.version, row.command_index, row.writer_epoch)):
            raise TypeError("these are integers")
        hashes = [bytes.fromhex(text) for text in stated["hashes"]]
        again = event_member(row, hashes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotABundle("it is no event with its proof") from error
    if again != member:
        raise NotABundle("its data is not what its entry was made of, or it is not written as canonical JSON")
    return row, hashes


def blob_name(blob: BlobRef) -> str:
    return BLOBS + blob_key(blob.sha256, blob.content_type).rpartition("/")[2]


def zipped(members: Mapping[str, bytes]) -> bytes:
    """The one zip of these members."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members, key=_place):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # Unix, wherever it is written
            info.external_attr = 0o100644 << 16
            archive.writestr(info, members[name])
    return written.getvalue()


def unzipped(bundle: bytes) -> dict[str, bytes]:
    """The members as they lie there, whatever their checksums say, so that a changed one can be named. Raises
    NotABundle when the zip's directory cannot be followed, or names a member twice."""
    try:
        entries = zipfile.ZipFile(io.BytesIO(bundle)).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, LookupError, OSError, struct.error) as error:
        raise NotABundle(f"it is no readable zip: {error}") from error
    members: dict[str, bytes] = {}
    for entry in entries:
        if entry.filename in members:
            raise NotABundle(f"it has {entry.filename} twice")
        members[entry.filename] = _stored(bundle, entry)
    return members


def _stored(bundle: bytes, entry: zipfile.ZipInfo) -> bytes:
    start = entry.header_offset + _LOCAL_HEADER + len(entry.filename.encode())
    data = bundle[start : start + entry.file_size]
    if entry.compress_type != zipfile.ZIP_STORED or len(data) != entry.file_size:
        raise NotABundle(f"{entry.filename} is not stored as it is, or is cut off")
    return data


def _place(name: str) -> tuple[int, str]:
    return _ORDER.get(name, len(_ORDER) + (not name.startswith(EVENTS))), name
