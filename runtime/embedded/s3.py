"""The embedded object store: `rclone serve s3` on a folder."""

from __future__ import annotations

import http.client
from pathlib import Path

from runtime.embedded.binaries import rclone
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.process import Command
from runtime.embedded.server import EmbeddedServer

REGION = "us-east-1"
BUCKET = "rmos"
_MIN_KEY_LENGTH = 8  # rclone answers InvalidAccessKeyId to shorter ones


class S3Server(EmbeddedServer):
    """An S3 endpoint over plain HTTP on loopback, with one key pair; each folder under `home/data` is a bucket.

    It does not fsync: an object put just before a power cut may be torn, which its content address detects. What must
    survive one belongs on a real object store. A kill in the middle of a put leaves a hidden `.rclone_temp_put_…` file,
    which only takes room.
    """

    name = "s3"

    def __init__(
        self,
        home: Path,
        port: int,
        access_key: str,
        secret_key: str,
        *,
        bucket: str = BUCKET,
        log_path: Path | None = None,
    ) -> None:
        super().__init__(home, port, log_path=log_path)
        if min(len(access_key), len(secret_key)) < _MIN_KEY_LENGTH:
            raise EmbeddedError("S3 access and secret keys need at least 8 characters")
        self.access_key, self._secret_key, self.bucket = access_key, secret_key, bucket

    @property
    def endpoint(self) -> str:
        """`host:port`, as minio-py wants it."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Makes the bucket as a folder. Not for a running server: it would see the folder minutes later."""
        (self.home / "data" / self.bucket).mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        return Command(
            name=self.name,
            # An empty --config keeps the user's own rclone remotes out. --dir-cache-time stays at its default: with 0s
            # the server (1.75.2) soon loops for ever at full CPU when objects are put into new folders.
            argv=(
                *(str(rclone()), "serve", "s3", "--addr", self.endpoint, "--config", ""),
                str(self.home / "data"),
            ),
            # The keys travel in the environment (CSV in quotes, see `rclone serve s3 --help`): argv is public in `ps`.
            env={"RCLONE_AUTH_KEY": f'"{self.access_key},{self._secret_key}"', "HOME": str(self.home), "PATH": ""},
            log_path=self.log_path,
        )

    def is_ready(self) -> bool:
        """Any HTTP answer counts: without credentials the server says 403."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=2)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
