"""Files are called what they are about, and nothing in the repository knows the machine it was written on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.architecture.source import ROOT, tracked_files

EMPTY_NAMES = frozenset(
    {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "managers", "stuff"}
)
SELF = Path("tests/architecture/test_names_and_paths.py")
MACHINE = re.compile(
    r"(?<![\w.$}/-])/(?:work|root|home/\w+|Users/\w+|tmp/team|opt/wheels|opt/pypi)(?![\w-])"
    r"|(?i:(?:\b|_)(?:extra-)?index[-_]url\s*[=: ]\s*\S*://)"
    r"|(?i:\btrusted-host\s*[= ])"
    r"|(?i:(?:\b|_)find[-_]links\s*[=: ]\s*\S*/)"
    r"|(?i:\b(?:artifactory|nexus|jfrog|devpi)\b[./])"
)


def empty_names(path: Path) -> list[str]:
    return [f"{path}: {part}" for part in path.parts if part.split(".")[0].lower() in EMPTY_NAMES]


def machine_words(path: Path, text: str) -> list[str]:
    if path == SELF:
        return []
    lines = enumerate(text.splitlines(), 1)
    return [f"{path}:{number}: {match.group()}" for number, line in lines if (match := MACHINE.search(line))]


def text_of(path: Path) -> str:
    try:
        return (ROOT / path).read_text("utf-8")
    except UnicodeDecodeError:
        return ""  # pictures


def index_hosts() -> set[str]:
    """Hosts of the package indexes this machine is set up with, the public one aside."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    hosts = {urlsplit(word.strip("'\"")).hostname for word in re.findall(r"https?://\S+", listed)}
    return {host for host in hosts if host} - {"pypi.org", "files.pythonhosted.org", "localhost", "127.0.0.1"}


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    assert [found for path in tracked_files() for found in empty_names(path)] == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    assert [found for path in tracked_files() for found in machine_words(path, text_of(path))] == []


def test_no_file_names_this_machines_package_index() -> None:
    hosts = index_hosts()
    assert [f"{path}: {host}" for path in tracked_files() for host in hosts if host in text_of(path)] == []


@pytest.mark.parametrize(
    "path", ["services/rmos/utils.py", "runtime/helpers/text.py", "contracts/base.py", "cli/common.py", "Manager.py"]
)
def test_a_name_that_says_nothing_is_caught(path: str) -> None:
    assert empty_names(Path(path)) != []


def test_a_name_that_only_contains_such_a_word_is_fine() -> None:
    assert empty_names(Path("services/cam/base_of_cut.py")) == []


@pytest.mark.parametrize(
    "text",
    [
        "see /work/main/runtime",
        "cp /root/.cache x",
        "home = '/home/alice/rmos'",
        "/Users/alice/rmos",
        "pip install --index-url https://pypi.example.org/simple x",
        "PIP_INDEX_URL=https://pypi.example.org/simple",
        "extra-index-url = file:///srv/simple",
        "PIP_FIND_LINKS=/srv/wheels",
        "trusted-host = pypi.example.org",
        "image: artifactory.example.org/nats",
    ],
)
def test_a_machine_path_or_registry_host_is_caught(text: str) -> None:
    assert machine_words(Path("docs/planted.md"), text) != []


@pytest.mark.parametrize(
    "text", ["GET /api/runs", "a network/root cause", "WORKDIR /app", "$HOME/work/x", "tree root/"]
)
def test_ordinary_words_are_fine(text: str) -> None:
    assert machine_words(Path("docs/planted.md"), text) == []
