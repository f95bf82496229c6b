"""`rmos catalog`: customers' own materials, tools and machines from a file into the catalog of a running system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.client import Api, ApiError
from cli.options import Home
from cli.settings import home_of
from contracts.canonical import digest_of
from contracts.catalog import Entry, Material
from contracts.catalog_files import MODELS, CatalogError, check_figures, entries_in, kind_of
from contracts.model import for_people
from contracts.rmos import MAX_CATALOG_ENTRIES, AddCatalogEntries
from runtime.embedded import stack_state

NOT_ADDED, UNREACHABLE = 1, 2

catalog = typer.Typer(
    name="catalog", help="Materials, tools and machines: what verdicts rest on.", no_args_is_help=True
)


@catalog.callback()
def _commands() -> None:
    """Keeps `add` a command of its own."""


@catalog.command()
def add(
    files: Annotated[list[Path], typer.Argument(help="TOML files with [[material]], [[tool]] and [[machine]].")],
    home: Home = None,
    url: Annotated[str | None, typer.Option(help="A running system elsewhere.")] = None,
    key: Annotated[str | None, typer.Option(envvar="RMOS_API_KEY", help="Its API key (role admin).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check against the catalog, add nothing.")] = False,
) -> None:
    """Add every entry of the files, or none: an id or alias that is taken by something else is an error that names
    both. What is there already, figure by figure, stays as it is. Exit 1 for a clash or a wrong file, 2 for no system.
    """
    try:
        wanted = [entry for file in files for entry in _entries_of(file)]
        for entry in wanted:
            check_figures(kind_of(entry), entry)
        with _api(home, url, key) as api:
            new = _new(wanted, _known(api))
            if len(new) > MAX_CATALOG_ENTRIES:
                raise CatalogError(f"{len(new)} new entries are too many at once, at most {MAX_CATALOG_ENTRIES}")
            digest = _added(api, new) if new and not dry_run else _digest(api)
    except (CatalogError, OSError) as error:
        typer.echo(f"nothing was added: {error}", err=True)
        raise typer.Exit(NOT_ADDED) from None
    except ApiError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(UNREACHABLE if error.status == 0 else NOT_ADDED) from None
    for entry in new:
        typer.echo(f"{'would add' if dry_run else 'added'} {kind_of(entry)} {entry.id}: {entry.name}")
    typer.echo(f"{len(new)} new, {len(wanted) - len(new)} there already; catalog {digest}")


def _entries_of(file: Path) -> list[Entry]:
    """Raises CatalogError naming the file, also for one without a single entry; OSError for one that cannot be read."""
    try:
        entries = entries_in(str(file), file.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise CatalogError(f"{file}: not UTF-8: {error.reason} (byte {error.start})") from error
    if not entries:
        raise CatalogError(f"{file}: there is no [[material]], [[tool]] or [[machine]] in it")
    return entries


@contextmanager
def _api(home: Path | None, url: str | None, key: str | None) -> Iterator[Api]:
    """An administrator's access, to the system at `url` or to the one of this home."""
    if url is None:
        stack = stack_state.read_stack_file(home_of(home))
        if stack is None or not stack_state.is_running(home_of(home)):
            raise ApiError(0, {"error": "UNREACHABLE", "message": "nothing runs here: `rmos up`, or give --url"})
        url, key = stack.url, stack.api_keys["admin"]
    elif not key:
        raise ApiError(0, {"error": "USAGE", "message": "--url needs --key (or RMOS_API_KEY)"})
    with Api(url, key) as api:
        yield api


def _known(api: Api) -> dict[str, dict[str, Entry]]:
    """Every entry of the running system by kind and id, materials also by their aliases."""
    return {
        kind: _by_name(model.model_validate(item) for item in api.get(f"/api/catalog/{kind}s")["items"])
        for kind, model in MODELS.items()
    }


def _by_name(entries: Iterator[Entry]) -> dict[str, Entry]:
    return {name: entry for entry in entries for name in _names(entry)}


def _names(entry: Entry) -> tuple[str, ...]:
    return (entry.id, *entry.aliases) if isinstance(entry, Material) else (entry.id,)


def _new(wanted: Sequence[Entry], known: Mapping[str, Mapping[str, Entry]]) -> list[Entry]:
    """What is not there yet. Raises CatalogError for every id or alias that something else has, also in the files."""
    names = Counter((kind_of(entry), name) for entry in wanted for name in _names(entry))
    clashes = [f"{kind} {name!r} stands {n} times in the files" for (kind, name), n in names.items() if n > 1]
    new = [entry for entry in wanted if known[kind_of(entry)].get(entry.id) != entry]
    for entry in new:
        there = known[kind_of(entry)]
        clashes += [_clash(entry, name, there[name]) for name in _names(entry) if name in there]
    if clashes:
        raise CatalogError("; ".join(clashes))
    return new


def _clash(entry: Entry, name: str, there: Entry) -> str:
    return (
        f"{kind_of(entry)} {entry.id!r} ({entry.name}) clashes with {there.id!r} ({there.name}): {name!r} is taken, "
        "entries are never replaced"
    )


def _added(api: Api, new: Sequence[Entry]) -> str:
    """Adds them in one command; the digest of the catalog that has them. Their digest makes asking again safe."""
    command = AddCatalogEntries.model_validate({"entries": [{kind_of(entry): entry} for entry in new]})
    key = f"catalog-{digest_of(command)[:48]}"
    return str(api.post("/api/catalog", for_people(command, exclude_none=True), key)["catalog_sha256"])


def _digest(api: Api) -> str:
    return str(api.get("/api/catalog/tools")["catalog_sha256"])
