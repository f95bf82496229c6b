"""Importing a module does nothing to the world: no connection, no process, no thread, no file written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, sources

# Runs in its own process, because an audit hook cannot be taken away again. bind is not listed: urllib3 tries the
# loopback address of IPv6 at import, which reaches nobody.
PROGRAM = """
import importlib, os, sys, threading, warnings
# pydantic's way to say that a field's alias or repr=False does nothing: the variable would not be read, the key shown
warnings.filterwarnings("error", message="The '.*' attribute with value")
sys.path.insert(0, sys.argv[1])
ACTS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname",
        "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.mkdir", "os.remove", "os.rename"}
importing = None
def watch(event, arguments):
    if importing is None:
        return
    written = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    bytecode = written and ".pyc" in str(arguments[0])
    if event in ACTS and not "__pycache__" in str(arguments[:1]) or written and not bytecode:
        print(f"{importing}: {event} {arguments[:1]}")
        raise RuntimeError("acts at import")
sys.addaudithook(watch)
failed = False
for importing in sys.argv[2:]:
    try:
        importlib.import_module(importing)
    except Exception as error:
        print(f"{importing}: {type(error).__name__}: {error}")
        failed = True
    if threading.active_count() > 1:
        print(f"{importing}: starts {threading.enumerate()[1:]}")
        failed = True
        break
importing = None
sys.exit(failed)
"""


def is_script(module: str) -> bool:
    """Files that are run, never imported: `python -m services.<name>`, and Alembic's own."""
    return module.endswith("__main__") or ".migrations." in module


def problems(modules: list[str], root: Path = ROOT) -> str:
    """What the imports did; empty when they did nothing."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root), *modules], capture_output=True, text=True, check=False, cwd=root
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_importing_every_module_leaves_the_world_alone() -> None:
    assert problems([source.module for source in sources() if not is_script(source.module)]) == ""


def test_a_setting_whose_alias_does_nothing_is_caught(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(
        "from typing import Annotated\nfrom pydantic import BaseModel, Field\n"
        "class S(BaseModel):\n    key: Annotated[str, Field(alias='KEY', repr=False)] | None = None\n"
    )
    assert "alias" in problems(["planted"], tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        "import socket\nsocket.getaddrinfo('localhost', 80)",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9')",
        "import subprocess\nsubprocess.run(['true'])",
        "import os\nos.system('true')",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(5,), daemon=True).start()",
        "from pathlib import Path\nPath('made-at-import.txt').write_text('x')",
        "import asyncio\nasyncio.run(asyncio.open_connection('127.0.0.1', 9))",
        "try:\n    import socket\n    socket.create_connection(('127.0.0.1', 9))\nfinally:\n    pass",
    ],
)
def test_a_module_that_acts_when_it_is_imported_is_caught(tmp_path: Path, text: str) -> None:
    (tmp_path / "planted.py").write_text(text)
    assert "planted" in problems(["planted"], tmp_path)
    assert not (tmp_path / "made-at-import.txt").exists()


def test_a_quiet_module_passes(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text("import json\nVALUE = json.dumps({})\n")
    assert problems(["planted"], tmp_path) == ""
