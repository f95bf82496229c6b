"""`rmos bus dead list|show|redrive`: facts that were given up, and another try at them once the cause is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from cli.options import Home
from cli.settings import BusSettings, home_of
from contracts.dead_letters import RedrivenDeadLetter
from contracts.subjects import OPERATOR
from runtime.dead_letters import BusAway, BusLogin, DeadLetter, DeadLetters, NoSuchLetter, StillRefused, dead_letters
from runtime.embedded import stack_state

T = TypeVar("T")
bus = typer.Typer(help="What the bus gave up.", no_args_is_help=True)
dead = typer.Typer(help="Dead letters: facts that could not be recorded, each with the reason.", no_args_is_help=True)
bus.add_typer(dead, name="dead")

Url = Annotated[
    str | None, typer.Option("--nats-url", help="A bus elsewhere. Default: $RMOS_NATS_URL, else this home's.")
]
User = Annotated[str | None, typer.Option("--user", help=f"Default: $RMOS_NATS_USER, else {OPERATOR}.")]
Password = Annotated[
    str | None, typer.Option("--password", help="Better in $RMOS_NATS_PASSWORD: others see arguments.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
Number = Annotated[int, typer.Argument(min=1, help="The letter's number, as `list` shows it.")]


@dead.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, oldest first.")] = 100,
    as_json: AsJson = False,
    home: Home = None,
    nats_url: Url = None,
    user: User = None,
    password: Password = None,
) -> None:
    """What was given up and why; exit 0 also when there is nothing."""
    letters, count = _done(_login(home, nats_url, user, password), lambda there: _listed(there, limit))
    if as_json:
        print(json.dumps({"count": count, "letters": [_summary(letter) for letter in letters]}, indent=2))
        return
    for letter in letters:
        print(f"{letter.number:>6}  {letter.given_up_at}  {letter.subject}  {letter.id}\n        {letter.reason}")
    print(f"{count} dead letters" + (f", the oldest {len(letters)} shown" if len(letters) < count else ""))


@dead.command("show")
def show(
    number: Number,
    as_json: AsJson = False,
    home: Home = None,
    nats_url: Url = None,
    user: User = None,
    password: Password = None,
) -> None:
    """One letter whole; exit 1 when there is none of this number."""
    letter = _done(_login(home, nats_url, user, password), lambda there: there.one(number))
    shown = {**_summary(letter), "headers": dict(letter.headers), "body": letter.body.decode("utf-8", "replace")}
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    for name, value in _summary(letter).items():
        print(f"{name:<12} {value}")
    for name, value in letter.headers.items():
        print(f"  {name}: {value}")
    print(shown["body"])


@dead.command("redrive")
def redrive(
    numbers: Annotated[list[int] | None, typer.Argument(help="Letters, by number.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that lie there now.")] = False,
    as_json: AsJson = False,
    home: Home = None,
    nats_url: Url = None,
    user: User = None,
    password: Password = None,
) -> None:
    """Have rmos record letters as the facts that they were, and take them out of DEAD. What still cannot be recorded
    stays, with the reason; what was recorded meanwhile is not recorded twice. Exit 1 when a letter is not there or
    stays."""
    if bool(numbers) == every:
        raise typer.BadParameter("name letters by number, or say --all")
    result = _done(_login(home, nats_url, user, password), lambda there: _redriven(there, numbers))
    if as_json:
        print(json.dumps(result.as_json(), indent=2))
    else:
        for _, there in result.recorded:
            known = " already" if there.repeated else ""
            print(f"{there.number} is on record{known}, at position {there.position}")
        for number in result.missing:
            typer.echo(f"rmos: there is no dead letter {number}", err=True)
        for number, reason in result.refused.items():
            typer.echo(f"rmos: dead letter {number} stays: {reason}", err=True)
    if result.missing or result.refused:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Redriven:
    recorded: list[tuple[DeadLetter, RedrivenDeadLetter]] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "redriven": [
                {**_summary(letter), "position": there.position, "repeated": there.repeated}
                for letter, there in self.recorded
            ],
            "missing": self.missing,
            "refused": [{"number": number, "reason": reason} for number, reason in self.refused.items()],
        }


async def _listed(there: DeadLetters, limit: int) -> tuple[list[DeadLetter], int]:
    return await there.all(limit), await there.count()


async def _redriven(there: DeadLetters, numbers: list[int] | None) -> _Redriven:
    wanted = numbers or [letter.number for letter in await there.all(await there.count())]
    done = _Redriven()
    for number in wanted:
        try:
            letter = await there.one(number)
            done.recorded.append((letter, await there.redrive(number)))
        except NoSuchLetter:
            done.missing.append(number)
        except StillRefused as error:
            done.refused[number] = str(error)
    return done


def _done(login: BusLogin, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    """The work's result. Exit 1 when a letter is not there, 2 when the bus cannot be reached as this user."""

    async def connected() -> T:
        async with dead_letters(login) as there:
            return await work(there)

    try:
        return asyncio.run(connected())
    except NoSuchLetter as error:
        typer.echo(f"rmos: {error}", err=True)
        raise typer.Exit(1) from None
    except BusAway as error:
        typer.echo(f"rmos: {error}", err=True)
        raise typer.Exit(2) from None


def _login(home: Path | None, url: str | None, user: str | None, password: str | None) -> BusLogin:
    """As the options say, else the environment, else the stack that runs in this home; exit 2 when none does."""
    given = BusSettings.read()
    url, user, password = url or given.url, user or given.user, password or given.password
    if url is not None:
        if password is None:
            typer.echo("rmos: a bus elsewhere needs its user's password in RMOS_NATS_PASSWORD", err=True)
            raise typer.Exit(2)
        return BusLogin(url, user or OPERATOR, password)
    folder = home_of(home)
    stack = stack_state.read_stack_file(folder)
    if stack is None or stack.operator is None or not stack_state.is_running(folder):
        typer.echo(f"rmos: no stack is running in {folder}; start it (`rmos up`) or give --nats-url", err=True)
        raise typer.Exit(2)
    return BusLogin(stack.nats_url, user or stack.operator.user, password or stack.operator.password)


def _summary(letter: DeadLetter) -> dict[str, Any]:
    return {
        "number": letter.number,
        "reason": letter.reason,
        "subject": letter.subject,
        "type": letter.type,
        "id": letter.id,
        "given_up_at": letter.given_up_at,
        "stream": letter.stream,
        "sequence": letter.sequence,
    }
