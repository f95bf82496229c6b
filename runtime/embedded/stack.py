"""The whole system on one machine: three servers, a migration, five services, supervised until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contracts.subjects import DASHBOARD, OPERATOR, SERVICES, SUPERVISOR, inbox_prefix
from runtime.clock import SystemClock, utc_text
from runtime.embedded import binaries, stack_state
from runtime.embedded.environments import Environments
from runtime.embedded.errors import EmbeddedError, ServerStartFailed
from runtime.embedded.nats import NatsServer
from runtime.embedded.nats_conf import users_section
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.postgres import PostgresServer
from runtime.embedded.probes import ServiceProbes, answers_as, http_answer, http_probe, server_probe
from runtime.embedded.process import Command, kill_group, log_tail, rotate_log, spawn, wait_until
from runtime.embedded.process_identity import start_mark
from runtime.embedded.roles import DATABASE, READER, apply_roles
from runtime.embedded.s3 import REGION, S3Server
from runtime.embedded.server import EmbeddedServer
from runtime.embedded.stack_config import load_or_create
from runtime.embedded.supervisor import Child, Supervisor, Timing, start_failure

READY_PATH = "/readyz"
MIGRATIONS = ("rmos.migrate", "art_studio.migrate")
WITHOUT_TABLES = ("cam", "ai_gateway", "gateway")
"""Services that need no table to start: they load while the migrations run."""
_GIVE_UP_AFTER_FAILURES = 5
_OK = 200
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start. `user_environment` is the environment of whoever started the stack; `module_of` names the module
    that `python -m` runs for a service (or for one of MIGRATIONS)."""

    home: Path
    user_environment: Mapping[str, str] = field(repr=False)
    http_port: int | None = None
    provider: str | None = None
    ready_timeout_s: float = 120.0
    migration_timeout_s: float = 120.0
    timing: Timing = field(default_factory=Timing)
    module_of: Callable[[str], str] = "services.{}".format


class Stack:
    """One start of the stack in a home whose lock the caller holds; `say` tells a person about progress."""

    def __init__(self, plan: Plan, say: Say) -> None:
        self._plan, self._say = plan, say
        self._home = plan.home.resolve()
        self._config = load_or_create(self._home, plan.http_port)
        config, logs = self._config, self._home / "logs"
        self._nats = NatsServer(
            self._home / "nats", config.ports.nats, users_section(config.nats_passwords), log_path=logs / "nats.log"
        )
        self._postgres = PostgresServer(
            self._home / "postgres",
            config.ports.postgres,
            config.postgres_superuser_password,
            log_path=logs / "postgres.log",
        )
        self._s3 = S3Server(
            self._home / "s3", config.ports.s3, config.s3_access_key, config.s3_secret_key, log_path=logs / "s3.log"
        )
        self._environments = Environments(
            config, self._nats, self._postgres, self._s3, plan.user_environment, plan.provider
        )
        self._probes = ServiceProbes(self._nats.url, config.nats_passwords[SUPERVISOR])
        self._supervisor = Supervisor(self._record, say, plan.timing)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._config.ports.http}"

    async def run(self, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
        """Starts everything, calls `ready` with the URL, stays until `stop` is set, and stops everything.

        Raises EmbeddedError when the start fails; nothing keeps running then.
        """
        stopping = asyncio.create_task(stop.wait())
        living = asyncio.create_task(self._live(ready))
        try:
            await asyncio.wait({stopping, living}, return_when=asyncio.FIRST_COMPLETED)
            if living.done():
                living.result()
        finally:
            stopping.cancel()
            living.cancel()
            await asyncio.gather(stopping, living, return_exceptions=True)
            await self._probes.close()
            self._say("stopping")
            await self._supervisor.stop()
            stack_state.forget(self._home)

    async def _live(self, ready: Callable[[str], None]) -> None:
        await self._start_servers()
        await asyncio.to_thread(apply_roles, self._postgres, self._config.postgres_passwords)
        await self._probes.connect()
        await self._supervisor.start([self._service(name) for name in WITHOUT_TABLES], wait=False)
        await self._migrate()
        await self._supervisor.start(
            [self._service(name) for name in SERVICES if name not in WITHOUT_TABLES], wait=False
        )
        await self._until_ready()
        ready(self.url)
        await self._supervisor.failed()

    async def _start_servers(self) -> None:
        servers: tuple[EmbeddedServer, ...] = (self._nats, self._postgres, self._s3)
        self._say("starting " + ", ".join(server.name for server in servers))
        await self._supervisor.start([_child_of(server) for server in servers])

    async def _migrate(self) -> None:
        """Tables, streams, consumers and bucket; the rights to make them end with these processes."""
        self._say("migrating")
        await asyncio.gather(*(self._migration(self._plan.module_of(module)) for module in MIGRATIONS))

    async def _migration(self, module: str) -> None:
        command = self._python("migrate", module, self._environments.of_migration())
        since = command.log_path.stat().st_size if command.log_path.exists() else 0
        process = spawn(command)
        try:
            await asyncio.to_thread(wait_until, lambda: process.poll() is not None, self._plan.migration_timeout_s)
        finally:
            if process.poll() is None:
                process.kill()
            status = process.wait()
            kill_group(process.pid)
        if status != 0:
            tail = log_tail(command.log_path, since)
            raise ServerStartFailed("the migration", f"it ended with status {status}", command.log_path, tail)

    async def _until_ready(self) -> None:
        """Returns when the gateway says that every service answers on the bus."""
        self._say("starting " + ", ".join(SERVICES))
        deadline = time.monotonic() + self._plan.ready_timeout_s
        while True:
            status, body = await asyncio.to_thread(http_answer, self._config.ports.http, READY_PATH)
            if status == _OK and await asyncio.to_thread(answers_as, self._config.ports.http, self._gateway_pid):
                return
            for state in self._supervisor.children:
                if state.failures >= _GIVE_UP_AFTER_FAILURES:
                    raise start_failure(state)
            if time.monotonic() > deadline:
                answer = body.decode("utf-8", "replace") if status else "no answer"
                raise EmbeddedError(
                    f"{self.url}{READY_PATH} did not get ready in {self._plan.ready_timeout_s:g} s, it says: {answer}; "
                    f"the logs are in {self._home / 'logs'}"
                )
            await asyncio.sleep(0.1)

    @property
    def _gateway_pid(self) -> int | None:
        return next((state.pid for state in self._supervisor.children if state.child.name == "gateway"), None)

    def _service(self, name: str) -> Child:
        command = self._python(name, self._plan.module_of(name), self._environments.of_service(name))
        probe = http_probe(self._config.ports.http, READY_PATH) if name == "gateway" else self._probes.probe(name)
        return Child(name, lambda: command, probe)

    def _python(self, name: str, module: str, environment: Mapping[str, str]) -> Command:
        # -P: the folder somebody happens to stand in is not searched for modules.
        argv = (sys.executable, "-P", "-m", module)
        return Command(name, argv, environment, self._home / "logs" / f"{name}.log", cwd=self._home)

    def _record(self) -> None:
        """Writes down which processes run: for clients in stack.json, for the next start in processes.json."""
        pids = {state.child.name: state.pid for state in self._supervisor.children}
        running = {name: pid for name, pid in pids.items() if pid is not None}
        starts = {state.child.name: state.starts for state in self._supervisor.children}
        stack_state.write_processes(
            self._home,
            [
                stack_state.ProcessRecord(name=name, pid=pid, start_mark=start_mark(pid), starts=starts[name])
                for name, pid in running.items()
            ],
        )
        stack_state.write_stack_file(self._home, self._stack_file(running))

    def _stack_file(self, pids: dict[str, int]) -> stack_state.StackFile:
        config = self._config
        return stack_state.StackFile(
            url=self.url,
            api_keys=config.api_keys,
            nats_url=self._nats.url,
            dashboard=stack_state.DashboardLogin(
                user=DASHBOARD, password=config.nats_passwords[DASHBOARD], inbox_prefix=inbox_prefix(DASHBOARD)
            ),
            operator=stack_state.OperatorLogin(user=OPERATOR, password=config.nats_passwords[OPERATOR]),
            postgres_dsn=self._postgres.dsn(READER, config.postgres_passwords[READER], DATABASE),
            s3=stack_state.S3Access(
                endpoint=self._s3.endpoint,
                access_key=config.s3_access_key,
                secret_key=config.s3_secret_key,
                bucket=self._s3.bucket,
                region=REGION,
            ),
            checkpoint_vkey=config.checkpoint_vkeys[0],
            retired_checkpoint_vkeys=config.checkpoint_vkeys[1:],
            pids=pids,
        )


def run_stack(plan: Plan, say: Say, ready: Callable[[str], None]) -> None:
    """Runs the stack in the foreground until SIGINT, SIGTERM or SIGHUP; returns after a clean stop.

    Raises AlreadyRunning when this home's stack runs, EmbeddedError when it cannot start.
    """
    for find in (binaries.nats_server, binaries.postgres_bin, binaries.rclone):
        find()
    os.umask(0o077)  # for the servers' files too: designs, logs and the bus' store are nobody else's to read
    stack_state.make_home(plan.home)
    with stack_state.locked(plan.home), _also_in_log(plan.home / "logs" / "supervisor.log", say) as say_both:
        for name in stack_state.stop_leftovers(plan.home):
            say_both(f"stopped {name}, left over from a supervisor that was killed")
        asyncio.run(_run_until_signal(plan, say_both, ready))


@contextmanager
def _also_in_log(path: Path, say: Say) -> Iterator[Say]:
    """Restarts stay on record when nobody reads the terminal."""
    rotate_log(path)
    clock = SystemClock()
    with path.open("a", encoding="utf-8", buffering=1) as log:

        def say_both(line: str) -> None:
            log.write(f"{utc_text(clock.now())} {line}\n")
            say(line)

        yield say_both


async def _run_until_signal(plan: Plan, say: Say, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    await Stack(plan, say).run(stop, ready)


def _child_of(server: EmbeddedServer) -> Child:
    def command() -> Command:
        server.prepare()
        return server.command()

    return Child(server.name, command, server_probe(server), slow_start=True)
