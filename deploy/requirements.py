"""Prints what pip must install for one extra of pyproject.toml: `python requirements.py cam > requirements.txt`."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path


def requirements(project: dict[str, object], extra: str) -> Iterator[str]:
    """The extra's requirements, extras of this project that it names included. Raises KeyError for an unknown one."""
    extras: dict[str, list[str]] = project["optional-dependencies"]  # type: ignore[assignment]  # PEP 621
    for requirement in extras[extra]:
        own = re.fullmatch(rf"{project['name']}\[([\w, -]+)\]", requirement)
        if own is None:
            yield requirement
            continue
        for name in own.group(1).split(","):
            yield from requirements(project, name.strip())


def main(extra: str) -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    print("\n".join(sorted({*project["dependencies"], *requirements(project, extra)})))


if __name__ == "__main__":
    main(sys.argv[1])
