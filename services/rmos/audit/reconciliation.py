"""What the authority finds out about its own store when it begins to lead: every disagreement is named, in its log and
in its health. It goes on working: what must not go on (signing another history, publishing over another log) stops by
itself.

The look is a quick audit in a worker process: events and signatures whole, blobs by their presence, the projections by
their cursor. The stream LOG is compared by the relay, which names what it finds; events that nothing has signed yet are
the checkpointer's, which begins at the same time.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import psycopg

from contracts.errors import RmosError
from runtime.logs import Logger
from runtime.pool import WorkerPool
from runtime.s3 import FAILURES
from services.rmos.audit.findings import Finding, Kind, Report
from services.rmos.audit.verify import Audited, audit

RETRY_S = 5.0
NAMED = 100
"""Findings that are logged one by one; the rest are counted."""


class NothingJudged(Exception):
    """Database or object store were away."""


class Reconciliation:
    """`run()` is a background task of the leader; it returns when it has looked once."""

    def __init__(self, pool: WorkerPool, what: Audited, log: Logger) -> None:
        self._pool = pool
        self._what = what
        self._log = log
        self.findings: tuple[Finding, ...] = ()

    async def run(self) -> None:
        while True:
            try:
                report = await self._pool.run(looked_at, self._what)
                break
            except (NothingJudged, RmosError) as error:
                self._log.warning("reconciliation_waits", reason=str(error))
                await asyncio.sleep(RETRY_S)
        self.findings = tuple(report.findings)
        for finding in self.findings[:NAMED]:
            self._log.error("store_disagrees", kind=finding.kind.value, where=finding.where, what=finding.what)
        self._log.info("store_reconciled", findings=len(self.findings), **report.checked)

    def details(self) -> dict[str, str]:
        """For the health answer: which kinds, how many of each, and the first place; empty when all agree."""
        if not self.findings:
            return {}
        counts = Counter(finding.kind.value for finding in self.findings)
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
        first = self.findings[0]
        return {"store_disagrees": f"{kinds}; first: {first.where}: {first.what}; see `rmos store repair --dry-run`"}


def looked_at(what: Audited) -> Report:
    """In a worker process. Raises NothingJudged: the drivers' own errors do not all travel between processes."""
    try:
        report = audit(what, quick=True)
    except (psycopg.Error, *FAILURES) as error:
        raise NothingJudged(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}") from None
    report.findings = [found for found in report.findings if found.kind is not Kind.EVENTS_UNCOVERED]
    return report
