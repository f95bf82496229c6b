"""Signed checkpoints of the log, after C2SP signed-note and tlog-checkpoint, with Ed25519.

A checkpoint is three lines (origin, tree size, root in base64), an empty line, and one line per signature:
`— <key name> <base64 of key id and signature>`. The key's name is the log's origin; its id is the first four bytes of
SHA-256(name, newline, 0x01, public key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.rmos.domain.merkle import HASH_BYTES

_ED25519 = b"\x01"
_SEED_BYTES = 32
_SIGNATURE_BYTES = 64
_MAX_NOTE_BYTES = 100_000
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NotAKey(ValueError):
    """The text is no key of the kind that is needed."""


class NotACheckpoint(ValueError):
    """The note is not well-formed, is of another log, or no known key has signed it; the message says which."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key: `<name>+<id, 8 hex digits>+<base64 of 0x01 and the key>`, as signed notes publish it."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether this key made the signature over exactly these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, data)
        except InvalidSignature:
            return False
        return True

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Raises NotAKey."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        material = _unbase64(encoded)
        if not _NAME.fullmatch(name) or material is None or material[:1] != _ED25519 or len(material) != 33:
            raise NotAKey("not an Ed25519 verifier key (<name>+<id>+<base64>)")
        key = cls(name, material[1:])
        if key.key_id.hex() != key_id:
            raise NotAKey(f"the id of the key of {name} is not that of its bytes")
        return key


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private half, which never leaves the process that signs."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or _CONTROL.search(self.name):
            raise NotAKey("the name of a key (the log's origin) has neither spaces nor plus signs")
        if len(self.seed) != _SEED_BYTES:
            raise NotAKey("an Ed25519 seed has 32 bytes")

    @classmethod
    def from_hex(cls, name: str, text: str) -> SigningKey:
        """From the 64 hexadecimal digits of an Ed25519 seed. Raises NotAKey."""
        try:
            return cls(name, bytes.fromhex(text))
        except ValueError as error:
            raise NotAKey(str(error) if isinstance(error, NotAKey) else "a seed is 64 hexadecimal digits") from None

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """64 bytes, always the same for the same data. What is signed must say what it is: see domain.dsse."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(data)

    def signature_line(self, text: bytes) -> str:
        """A signature of the note text, which ends with a newline."""
        return f"— {self.name} {base64.b64encode(self.verifier.key_id + self.sign(text)).decode()}\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says: the log of this origin had this many leaves and this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()

    def signed(self, *keys: SigningKey) -> bytes:
        """The note, signed by each of the keys."""
        return self.text + b"\n" + "".join(key.signature_line(self.text) for key in keys).encode()


def opened(note: bytes, keys: Iterable[VerifierKey]) -> Checkpoint:
    """What the note says, once at least one of the keys has signed it and none of their signatures is wrong.

    Signatures of unknown keys are ignored. Raises NotACheckpoint.
    """
    text, lines = _parts(note)
    known = {(key.name, key.key_id): key for key in keys}
    verified = False
    for line in lines:
        name, key_id, signature = _signature(line)
        key = known.get((name, key_id))
        if key is not None:
            _verify(key, signature, text)
            verified = True
    if not verified:
        raise NotACheckpoint("the note carries no signature of a known key")
    checkpoint = _checkpoint(text)
    if all(key.name != checkpoint.origin for key in known.values()):
        raise NotACheckpoint(f"the note is of the log {checkpoint.origin}, not of this one")
    return checkpoint


def unverified(note: bytes) -> Checkpoint:
    """What the note says, whoever wrote it: only to say more about a note that was refused. Raises NotACheckpoint."""
    return _checkpoint(_parts(note)[0])


def _parts(note: bytes) -> tuple[bytes, list[str]]:
    try:
        decoded = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotACheckpoint("the note is not UTF-8") from error
    text, separator, signatures = decoded.rpartition("\n\n")
    if len(note) > _MAX_NOTE_BYTES or _CONTROL.search(decoded) or not separator or not signatures.endswith("\n"):
        raise NotACheckpoint("the note is not a text, an empty line and signature lines")
    return f"{text}\n".encode(), signatures[:-1].split("\n")


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    signature = _unbase64(encoded)
    if dash != "—" or not _NAME.fullmatch(name) or signature is None or len(signature) < 5:
        raise NotACheckpoint("a signature line of the note is not `— <name> <base64>`")
    return name, signature[:4], signature[4:]


def _verify(key: VerifierKey, signature: bytes, text: bytes) -> None:
    if len(signature) != _SIGNATURE_BYTES or not key.verifies(signature, text):
        raise NotACheckpoint(f"the signature of {key.name}+{key.key_id.hex()} is wrong")


def _checkpoint(text: bytes) -> Checkpoint:
    origin, *lines = text.decode().removesuffix("\n").split("\n")
    if len(lines) < 2 or not all([origin, *lines]) or not _SIZE.fullmatch(lines[0]):
        raise NotACheckpoint("the note's text is not origin, tree size and root")
    root = _unbase64(lines[1])
    if root is None or len(root) != HASH_BYTES:
        raise NotACheckpoint("the note's root is not a SHA-256 in base64")
    return Checkpoint(origin, int(lines[0]), root)


def _unbase64(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None  # one spelling only
