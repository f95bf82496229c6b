"""The system user that Postgres runs as when the stack is started by root."""

from __future__ import annotations

import pwd
import shutil
import subprocess
from pathlib import Path

from runtime.embedded.errors import SystemUserMissing

_NAME = "rmos-postgres"
_OTHERS_MAY_TRAVERSE = 0o001


def server_user() -> tuple[int, int]:
    """(uid, gid) of the system user, made on first use: initdb needs an entry in the user database.

    Raises SystemUserMissing when it does not exist and cannot be made.
    """
    try:
        entry = pwd.getpwnam(_NAME)
    except KeyError:
        _make_user()
        entry = pwd.getpwnam(_NAME)
    return entry.pw_uid, entry.pw_gid


def make_traversable(path: Path) -> None:
    """Lets other users pass through (not list, not read) every folder above `path`, as the server must reach it.

    This changes folders such as a 0700 home of root to 0701: the price of running a non-root server inside them.
    """
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & _OTHERS_MAY_TRAVERSE:
            folder.chmod((mode & 0o7777) | _OTHERS_MAY_TRAVERSE)


def _make_user() -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise SystemUserMissing(
            f"Postgres does not run as root, and there is no useradd to make the user {_NAME}; "
            f"make that user yourself or start as a normal user"
        )
    made = subprocess.run(
        [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", _NAME],
        capture_output=True,
        text=True,
        check=False,
    )
    exists = 9  # useradd(8): another start made it in the meantime
    if made.returncode not in (0, exists):
        raise SystemUserMissing(f"Postgres does not run as root, and {_NAME} could not be made: {made.stderr.strip()}")
