"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Folder for data, state and logs. Default: $RMOS_HOME, else .rmos", show_default=False),
]
