"""Clock, ids, randomness and environment are passed in: who may ask for them himself, and that nobody else does."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import Source, in_package, sources

CLOCK = (
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "time.ctime",
    "time.strftime",
    "time.clock_gettime",
    "time.clock_gettime_ns",
)
IDS = ("uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7", "uuid.getnode")
RANDOMNESS = ("secrets", "random", "os.urandom", "os.getrandom", "numpy.random", "ssl.RAND_bytes")
ENVIRONMENT = ("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv", "os.path.expandvars")
EDGE = ("runtime.clock.SystemClock", "runtime.clock.unix_ms", "runtime.ids.new_id", "runtime.ids.ulid")
"""What the process edge hands on: in a service only `app` names them."""
SEEDED = ("random.Random", "numpy.random.Generator", "numpy.random.PCG64", "numpy.random.default_rng")
"""Generators that are fine with a seed."""

IMPURE = (
    "os",
    "time",
    "secrets",
    "uuid",
    "socket",
    "ssl",
    "select",
    "selectors",
    "asyncio",
    "threading",
    "multiprocessing",
    "concurrent",
    "subprocess",
    "signal",
    "pathlib",
    "shutil",
    "tempfile",
    "glob",
    "fileinput",
    "sqlite3",
    "urllib.request",
    "http",
    "ftplib",
    "smtplib",
    "logging",
    "locale",
    "platform",
    "getpass",
    "open",
    "io.open",
    "print",
    "input",
    "runtime",
)
"""What a pure domain has no use for: the world outside its arguments."""

MAY: dict[str, tuple[tuple[str, ...], str]] = {
    "runtime.clock": (CLOCK, "the one place that reads the clock"),
    "runtime.ids": (RANDOMNESS, "the one place that makes ids"),
    "runtime.bus": (("runtime.clock.unix_ms",), "deadlines are compared with the clock where a message arrives"),
    "services.rmos.cli_import": (("runtime.ids.new_id",), "the edge of a command: each import has a name"),
    "services.rmos.cli_store": (("runtime.clock.SystemClock",), "the edge of a command: lags end now"),
    "runtime.embedded.checkpoint_key": (("secrets",), "makes the key and the name of a new stack's log"),
    "runtime.embedded.stack_config": (("secrets",), "makes the credentials of a new stack"),
    "runtime.embedded.ports": (
        ("secrets",),
        "where to begin looking for a free port, so that two stacks do not collide",
    ),
    "runtime.testing": (("secrets",), "makes the credentials of servers that live for one test"),
    "services.art_studio.app": (("secrets",), "a seed for a request that names none"),
    "cli.demo": (("secrets",), "an idempotency key of its own for each demonstration"),
}
"""Module -> what it may ask for besides the rule, and why."""


def allowed_for(module: str) -> tuple[str, ...]:
    name = module.rsplit(".", 1)[-1]
    allowed = MAY.get(module, ((), ""))[0]
    if name == "settings":
        allowed += ENVIRONMENT
    if name == "app" or not in_package(module, ("services",)):
        allowed += EDGE
    return allowed


def is_domain(module: str) -> bool:
    return in_package(module, ("services",)) and "domain" in module.split(".")


def violations(source: Source) -> list[str]:
    allowed = allowed_for(source.module)
    banned: tuple[str, ...] = CLOCK + IDS + RANDOMNESS + ENVIRONMENT + EDGE
    if is_domain(source.module):
        banned += IMPURE
    judged = _seeded(source) | {id(node) for node in _annotations(source)}
    found = set()
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Name | ast.Attribute | ast.Call) or id(node) in judged:
            continue
        if isinstance(getattr(node, "ctx", None), ast.Store):
            continue
        path = source.dotted(node)
        if path and _under(path, banned) and not _under(path, allowed):
            found.add(f"{source.module}:{node.lineno}: {path}")
    for line, path in _from_imports(source):
        if _under(path, banned) and not _under(path, allowed) and path not in SEEDED:
            found.add(f"{source.module}:{line}: from … import {path}")
    return sorted(found)


def _under(path: str, names: tuple[str, ...]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in names)


def _seeded(source: Source) -> set[int]:
    """The nodes of `random.Random` in `random.Random(7)`: a generator with a seed is a function of its arguments."""
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call) and node.args]
    return {id(inner) for call in calls if source.dotted(call.func) in SEEDED for inner in (call, *ast.walk(call.func))}


def _annotations(source: Source) -> list[ast.AST]:
    """Nodes that only say a type: `rng: random.Random`."""
    roots: list[ast.expr] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            roots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            roots.append(node.returns)
    return [inner for root in roots for inner in ast.walk(root)]


def _from_imports(source: Source) -> list[tuple[int, str]]:
    """What `from … import` takes; a star takes everything, so it counts as every banned name of that module."""
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom):
            origin = source.origin(node)
            everything = [name for name in CLOCK + IDS + RANDOMNESS + ENVIRONMENT if name.startswith(f"{origin}.")]
            for item in node.names:
                taken = [origin, *everything] if item.name == "*" else [f"{origin}.{item.name}"]
                found += [(node.lineno, path) for path in taken]
    return found


def test_nothing_in_the_tree_asks_for_ambient_state() -> None:
    assert [found for source in sources() for found in violations(source)] == []


def test_every_exception_still_exists_and_is_used() -> None:
    by_name = {source.module: source for source in sources()}
    for module, (allowed, reason) in MAY.items():
        assert reason
        assert any(_under(path, allowed) for _, path in by_name[module].uses()), f"{module} no longer needs {allowed}"


@pytest.mark.parametrize(
    "text",
    [
        "import time\nt = time.time()",
        "import time as clock\nt = clock.time_ns()",
        "from time import time as now",
        "from datetime import datetime\nd = datetime.now()",
        "import datetime\nd = datetime.datetime.utcnow()",
        "from datetime import date as day\nd = day.today()",
        "import datetime as dt\nfactory = dt.datetime.now",
        "import uuid\nu = uuid.uuid4()",
        "from uuid import uuid4 as fresh",
        "import os\ne = os.environ['HOME']",
        "import os as o\ne = o.getenv('HOME')",
        "from os import environ as e",
        "from os import *",
        "import os\ne = getattr(os, 'environ')",
        "e = __import__('os').environ",
        "import importlib\ne = importlib.import_module('os').environ",
        "import os\nb = os.urandom(8)",
        "import secrets\ns = secrets.token_hex()",
        "import random\nr = random.random()",
        "import random\nrandom.seed(1)",
        "import random\nr = random.Random()",
        "import random\nr = random.SystemRandom()",
        "from random import choice",
        "import numpy as np\nr = np.random.default_rng()",
        "import numpy\nr = numpy.random.rand()",
        "from runtime.ids import new_id",
        "from runtime.clock import SystemClock",
        "from runtime import clock\nms = clock.unix_ms()",
    ],
)
@pytest.mark.parametrize("module", ["services.rmos.handlers.planted", "services.cam.domain.planted"])
def test_ambient_state_in_a_service_is_caught_in_every_spelling(module: str, text: str) -> None:
    assert violations(Source(module, text)) != []


@pytest.mark.parametrize(
    "text",
    [
        "from pathlib import Path",
        "import socket\ns = socket.socket()",
        "import os\nn = os.cpu_count()",
        "import asyncio\nasyncio.sleep(1)",
        "import time\nt = time.perf_counter()",
        "with open('f') as f:\n    pass",
        "print('here')",
        "import logging\nlogging.info('x')",
        "from runtime.clock import utc_text",
    ],
)
def test_the_outside_world_in_a_domain_is_caught(text: str) -> None:
    assert violations(Source("services.cam.domain.planted", text)) != []


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("services.ai_gateway.settings", "import os\ne = os.environ"),
        ("services.rmos.app", "from runtime.clock import SystemClock\nfrom runtime.ids import new_id"),
        ("services.cam.domain.shuffle", "import random\nr = random.Random(7)\n\ndef f(r: random.Random) -> None: ..."),
        ("services.cam.domain.noise", "import numpy as np\nr = np.random.default_rng(7)"),
        ("services.cam.handlers", "import time\nt = time.perf_counter()"),
        ("services.rmos.handlers.desk", "from runtime.clock import Clock, utc_text\nfrom runtime.ids import NewId"),
        ("services.cam.domain.moment", "from datetime import datetime\n\ndef f(at: datetime) -> str: ..."),
    ],
)
def test_what_the_rules_allow_passes(module: str, text: str) -> None:
    assert violations(Source(module, text)) == []


def test_settings_may_read_the_environment_but_not_the_clock() -> None:
    assert violations(Source("services.rmos.settings", "import time\nt = time.time()")) != []
