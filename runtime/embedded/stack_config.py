"""Ports and credentials of one stack: made at its first start, kept in `stack.secrets.json` (0600) in its home."""

from __future__ import annotations

import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from runtime.embedded.checkpoint_key import new_origin, new_seed, verifier_key
from runtime.embedded.errors import EmbeddedError, PortInUse
from runtime.embedded.nats_conf import USERS
from runtime.embedded.ports import free_port, port_is_free
from runtime.embedded.private_files import write_private
from runtime.embedded.roles import ROLES

API_ROLES = ("designer", "operator", "auditor", "admin")
_FILE = "stack.secrets.json"
_USUAL_HTTP_PORT = 8080


class Ports(BaseModel):
    """Loopback TCP ports."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    http: int
    nats: int
    postgres: int
    s3: int


class StackConfig(BaseModel):
    """Everything a start needs besides the data. Passwords are per NATS user and per database role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ports: Ports
    nats_passwords: dict[str, str]
    postgres_superuser_password: str
    postgres_passwords: dict[str, str]
    s3_access_key: str
    s3_secret_key: str
    api_keys: dict[str, str]
    log_origin: str = ""
    checkpoint_keys: tuple[str, ...] = ()
    """Ed25519 seeds, the one that signs first; put a new one in front to rotate."""

    @property
    def checkpoint_vkeys(self) -> tuple[str, ...]:
        """The public keys, the signing one's first."""
        return tuple(verifier_key(self.log_origin, seed) for seed in self.checkpoint_keys)


def load_or_create(home: Path, http_port: int | None = None) -> StackConfig:
    """The stack's configuration with ports that are free now, saved.

    A port somebody else took since the last start is replaced, except one that was asked for (`http_port`): that raises
    PortInUse. A file that cannot be read raises EmbeddedError: without it the data cannot be opened, so nothing is
    made anew over it. Credentials for users that came with a newer version are added.
    """
    path = home / _FILE
    known = _load(path) if path.exists() else None
    if http_port is not None and not port_is_free(http_port):
        raise PortInUse(http_port, "HTTP")
    config = StackConfig(
        ports=_ports(known.ports if known else None, http_port),
        nats_passwords=_passwords(USERS, known.nats_passwords if known else {}),
        postgres_superuser_password=known.postgres_superuser_password if known else _secret(),
        postgres_passwords=_passwords(ROLES, known.postgres_passwords if known else {}),
        s3_access_key=known.s3_access_key if known else _secret(8),
        s3_secret_key=known.s3_secret_key if known else _secret(),
        api_keys=_passwords(API_ROLES, known.api_keys if known else {}),
        log_origin=(known.log_origin if known else "") or new_origin(),
        checkpoint_keys=(known.checkpoint_keys if known else ()) or (new_seed(),),
    )
    if config != known:
        write_private(path, config.model_dump_json(indent=2))
    return config


def saved(home: Path) -> StackConfig:
    """The configuration as the last start left it. Raises EmbeddedError when there is none, or it cannot be read."""
    path = home / _FILE
    if not path.exists():
        raise EmbeddedError(f"{path} does not exist: it is made by the first start")
    return _load(path)


def rotate_checkpoint_key(home: Path) -> StackConfig:
    """The saved configuration with a new signing key in front; takes effect with the next start of the stack.

    Raises EmbeddedError when there is none yet, or it cannot be read.
    """
    path = home / _FILE
    if not path.exists():
        raise EmbeddedError(f"{path} does not exist: the first key is made by the first start")
    known = _load(path)
    config = known.model_copy(update={"checkpoint_keys": (new_seed(), *known.checkpoint_keys)})
    write_private(path, config.model_dump_json(indent=2))
    return config


def _load(path: Path) -> StackConfig:
    try:
        return StackConfig.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise EmbeddedError(
            f"{path} holds the credentials of the data beside it and cannot be read ({error.error_count()} problems); "
            "restore it, or start with another --home"
        ) from None


def _ports(known: Ports | None, http_port: int | None) -> Ports:
    def kept(port: int) -> int:
        return port if port_is_free(port) else free_port()

    http = http_port or kept(known.http if known else _USUAL_HTTP_PORT)
    if known is None:
        return Ports(http=http, nats=free_port(), postgres=free_port(), s3=free_port())
    return Ports(http=http, nats=kept(known.nats), postgres=kept(known.postgres), s3=kept(known.s3))


def _passwords(names: tuple[str, ...], known: dict[str, str]) -> dict[str, str]:
    return {name: known.get(name) or _secret() for name in names}


def _secret(size_bytes: int = 20) -> str:
    """Hexadecimal after a letter: plain in every configuration language, URL and shell."""
    return "k" + secrets.token_hex(size_bytes)
