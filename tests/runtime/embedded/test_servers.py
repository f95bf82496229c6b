"""The server classes against the real programs: they start, keep data over kill -9, and refuse wrong passwords."""

from __future__ import annotations

import io
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import nats
import nats.errors
import psycopg
import pytest
from minio import Minio
from minio.error import InvalidResponseError, S3Error

from runtime.embedded import process_identity
from runtime.embedded.errors import EmbeddedError, PortInUse
from runtime.embedded.nats import NatsServer
from runtime.embedded.ports import LOOPBACK, free_port, port_is_free
from runtime.embedded.process import wait_until
from runtime.embedded.s3 import S3Server
from runtime.testing import running_nats, running_postgres, running_s3


def kill_9(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_postgres_keeps_committed_rows_over_kill_9() -> None:
    with running_postgres() as postgres:
        database = postgres.create_database()
        with psycopg.connect(database.owner_dsn) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (42)")
        killed = postgres.server.pid
        kill_9(killed)
        postgres.server.start()
        assert postgres.server.pid != killed
        with psycopg.connect(database.owner_dsn) as connection:
            assert connection.execute("SELECT n FROM kept").fetchall() == [(42,)]


def test_postgres_starts_after_kill_9_with_clients_connected() -> None:
    with running_postgres() as postgres:
        database = postgres.create_database()
        connections = [psycopg.connect(database.owner_dsn) for _ in range(10)]
        kill_9(postgres.server.pid)
        postgres.server.start()
        with psycopg.connect(database.owner_dsn) as fresh:
            assert fresh.execute("SELECT 1").fetchone() == (1,)
        for connection in connections:
            connection.close()


def test_postgres_starts_when_its_lock_file_names_an_unrelated_live_process() -> None:
    with running_postgres() as postgres:
        kill_9(postgres.server.pid)
        lock = postgres.server.home / "data" / "postmaster.pid"
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        postgres.server.start()
        assert postgres.server.is_ready()


def test_postgres_refuses_a_wrong_password(postgres_server) -> None:
    database = postgres_server.create_database()
    wrong = postgres_server.server.dsn("rmos_owner", "wrong", database.name)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_postgres_listens_on_loopback_tcp_only_and_writes_to_disk() -> None:
    with running_postgres() as access, psycopg.connect(access.server.superuser_dsn()) as connection:
        settings = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name IN ('listen_addresses', 'unix_socket_directories',"
                " 'server_encoding', 'fsync', 'synchronous_commit', 'password_encryption')"
            ).fetchall()
        )
    assert settings == {
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",
        "server_encoding": "UTF8",
        "fsync": "on",
        "synchronous_commit": "on",
        "password_encryption": "scram-sha-256",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="reads the owner of a process from /proc")
def test_postgres_does_not_run_as_root(postgres_server) -> None:
    owner = os.stat(postgres_server.server.home / "data").st_uid
    assert owner != 0
    assert Path(f"/proc/{postgres_server.server.pid}").stat().st_uid == owner


async def test_nats_keeps_acknowledged_messages_over_kill_9() -> None:
    with running_nats("") as access:
        client = await nats.connect(access.url)
        await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
        await client.jetstream().publish("kept.one", b"payload")
        kill_9(access.server.pid)
        access.server.start()
        fresh = await nats.connect(access.url)
        assert (await fresh.jetstream().get_msg("KEPT", 1)).data == b"payload"
        await fresh.close()
        await client.close()


async def test_nats_takes_payloads_up_to_8_mib() -> None:
    with running_nats("") as access:
        client = await nats.connect(access.url)
        assert client.max_payload == 8 * 1024 * 1024
        await client.close()


async def test_nats_refuses_a_wrong_password(nats_server) -> None:
    seen: list[Exception] = []

    async def note(error: Exception) -> None:
        seen.append(error)

    with pytest.raises(nats.errors.Error):
        await nats.connect(
            nats_server.url, user="rmos", password="wrong", allow_reconnect=False, error_cb=note, connect_timeout=5
        )
    assert any("authorization" in str(error).lower() for error in seen)


def test_the_nats_configuration_with_its_passwords_is_private(nats_server) -> None:
    mode = (nats_server.server.home / "nats.conf").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def client_of(access, secret_key: str | None = None) -> Minio:
    return Minio(
        endpoint=access.endpoint,
        access_key=access.access_key,
        secret_key=secret_key or access.secret_key,
        region=access.region,
        secure=False,
    )


def test_s3_keeps_objects_over_kill_9(tmp_path: Path) -> None:
    source = tmp_path / "object"
    source.write_bytes(b"bytes")
    with running_s3() as access:
        client_of(access).fput_object(bucket_name=access.bucket, object_name="aa/bb/key", file_path=str(source))
        kill_9(access.server.pid)
        access.server.start()
        response = client_of(access).get_object(bucket_name=access.bucket, object_name="aa/bb/key")
        assert response.read() == b"bytes"
        response.close()


def test_a_bucket_made_while_the_server_runs_takes_many_objects_in_new_folders(s3_server) -> None:
    client = client_of(s3_server)
    first, second = s3_server.create_bucket(), s3_server.create_bucket()
    names = [f"{number % 7:02x}/{number % 11:02x}/{number}" for number in range(100)]
    for name in names:
        client.put_object(bucket_name=first, object_name=name, data=io.BytesIO(name.encode()), length=len(name))
    listed = client.list_objects(bucket_name=first, recursive=True)
    assert sorted(found.object_name or "" for found in listed) == sorted(names)
    assert list(client.list_objects(bucket_name=second)) == []


def test_s3_refuses_a_wrong_secret(s3_server) -> None:
    with pytest.raises((S3Error, InvalidResponseError), match=r"403|SignatureDoesNotMatch|AccessDenied"):
        list(client_of(s3_server, secret_key="wrong-wrong").list_objects(bucket_name=s3_server.bucket))


def test_the_s3_secret_is_not_in_the_process_list(s3_server) -> None:
    shown = process_identity.command_line(s3_server.server.pid)
    assert shown is not None
    assert "serve s3" in shown
    assert s3_server.secret_key not in shown


def test_short_s3_keys_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="at least 8"):
        S3Server(tmp_path, free_port(), "short", "long-enough-secret")


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind((LOOPBACK, port))
        other.listen()
        with pytest.raises(PortInUse, match=f"port {port} "):
            NatsServer(tmp_path, port).start()


def test_a_stopped_server_lets_go_of_its_port() -> None:
    with running_s3() as access:
        port = access.server.port
        assert not port_is_free(port)
    assert wait_until(lambda: port_is_free(port), timeout_s=5)
