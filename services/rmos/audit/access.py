"""Where an audit finds its store: the embedded stack of a home, or what the command line and the environment name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from contracts.subjects import inbox_prefix
from runtime.embedded.stack_state import StackFile, read_stack_file
from runtime.settings import NatsSettings, S3Settings, Settings, SettingsError
from services.rmos.audit.stream_check import StreamAccess
from services.rmos.audit.verify import Audited
from services.rmos.domain.checkpoint import NotAKey, VerifierKey


class HomeSettings(Settings):
    home: Annotated[Path, Field(alias="RMOS_HOME")] = Path(".rmos")


class BusSettings(Settings):
    url: Annotated[str | None, Field(alias="RMOS_NATS_URL")] = None


class NothingToReach(Exception):
    """There is no store where one was looked for; the message says what to do."""


def stack_of(home: Path | None) -> StackFile:
    """How to reach the running stack of this home (none: RMOS_HOME, else .rmos). Raises NothingToReach."""
    folder = (home or HomeSettings.read().home).expanduser().resolve()
    stack = read_stack_file(folder)
    if stack is None:
        raise NothingToReach(f"no stack runs in {folder}: start it with `rmos up`, or give --dsn and --vkey")
    return stack


def audited(home: Path | None, dsn: str | None, vkeys: Sequence[str], held: Sequence[Path]) -> Audited:
    """With a DSN, the object store's address comes from the RMOS_S3_… variables, the bus' from
    RMOS_NATS_…. Raises NothingToReach."""
    try:
        keys = tuple(VerifierKey.parse(text) for text in vkeys)
        notes = tuple(path.read_bytes() for path in held)
        if dsn is not None:
            if not keys:
                raise NothingToReach("--dsn needs --vkey: without the public key no signature says anything")
            return Audited(dsn, S3Settings.read(), keys, _bus_of_environment(), notes)
        found = _of_stack(stack_of(home), keys)
    except (NotAKey, SettingsError, OSError) as error:
        raise NothingToReach(str(error)) from None
    return replace(found, held=notes)


def with_its_bus(what: Audited) -> Audited:
    """The same: whoever leaves the bus out must say so. Raises NothingToReach."""
    if what.stream is None:
        raise NothingToReach(
            "no bus is named, and without it nobody sees a history that was rewritten with all its checkpoints: set "
            "RMOS_NATS_URL, RMOS_NATS_USER and RMOS_NATS_PASSWORD, or leave mark and stream out with --without-bus"
        )
    return what


def _bus_of_environment() -> StreamAccess | None:
    """The bus of RMOS_NATS_URL as the user dashboard, or whoever may read; None where no bus is named, and then neither
    stream nor mark is looked at. Raises SettingsError."""
    if BusSettings.read().url is None:
        return None
    bus = NatsSettings.read()
    return StreamAccess(bus.url, bus.user, bus.password, inbox_prefix(bus.user))


def _of_stack(stack: StackFile, keys: tuple[VerifierKey, ...]) -> Audited:
    own = [text for text in (stack.checkpoint_vkey, *stack.retired_checkpoint_vkeys) if text]
    return Audited(
        dsn=stack.postgres_dsn,
        s3=S3Settings(
            endpoint=stack.s3.endpoint,
            access_key=stack.s3.access_key,
            secret_key=stack.s3.secret_key,
            bucket=stack.s3.bucket,
            region=stack.s3.region,
        ),
        keys=keys or tuple(VerifierKey.parse(text) for text in own),
        stream=StreamAccess(
            stack.nats_url, stack.dashboard.user, stack.dashboard.password, stack.dashboard.inbox_prefix
        ),
    )
