"""`rmos replay`: asks for the replay of one run or of all, several at a time, and sums up."""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from services.rmos.audit.access import NothingToReach
from services.rmos.gateway_access import Gateway

AT_ONCE = 4
_PAGE = 200


@dataclass(slots=True)
class ReplayReport:
    """`runs`: what came out of each, in the order of their openings, newest first."""

    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(item["outcome"] for run in self.runs for item in run["items"])
        return {name: found[name] for name in ("same", "drift", "not_reproducible")}

    @property
    def drifted(self) -> bool:
        return self.counts["drift"] > 0

    def told(self) -> Iterator[dict[str, Any]]:
        """Everything that did not come out the same, with its run."""
        for run in self.runs:
            for item in run["items"]:
                if item["outcome"] != "same":
                    yield {"run_id": run["run_id"], **item}

    def as_json(self) -> dict[str, Any]:
        return {"drifted": self.drifted, "counts": self.counts, "runs": self.runs}


def replayed(gateway: Gateway, run_ids: Sequence[str], done: Callable[[int], None]) -> ReplayReport:
    """Raises NothingToReach when one of them cannot be replayed now: then nothing is known. `done(n)`: so many more
    are."""
    report = ReplayReport()
    with ThreadPoolExecutor(AT_ONCE) as asking:
        for run in asking.map(lambda run_id: _asked(gateway, f"/api/runs/{quote(run_id, safe='')}/replay"), run_ids):
            report.runs.append(run)
            done(1)
    return report


def all_runs(gateway: Gateway) -> list[str]:
    """Every run that there is, the deleted ones too, newest first."""
    found: list[str] = []
    query: dict[str, str | int] = {"limit": _PAGE, "include_deleted": "true"}
    while True:
        page = _asked(gateway, "/api/runs", **query)
        found += [run["run_id"] for run in page["items"]]
        if page.get("next_cursor") is None:
            return found
        query["cursor"] = page["next_cursor"]


def _asked(gateway: Gateway, path: str, **query: str | int) -> dict[str, Any]:
    status, body = gateway.asked(path, **query)
    if status != http.client.OK:
        raise NothingToReach(f"{path}: {body.get('message', status)}")
    return body
