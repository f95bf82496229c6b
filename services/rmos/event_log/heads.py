"""The newest version of the streams written lately: the leader is the only writer, so what it wrote is current."""

from __future__ import annotations

from collections.abc import Iterable

from services.rmos.event_log.batch import Known
from services.rmos.event_log.pending import Pending

MAX_STREAMS = 200_000
"""About 30 MB. Forgetting costs one look-up."""


class HeadCache:
    """Starts empty with each term."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}

    def known(self, batch: Iterable[Pending]) -> tuple[Known, list[str]]:
        """What is known of the batch's streams, and which must be looked up.

        A stream that is unknown here and is to begin with one of the request's events is taken as new: the unique
        index has the last word. One that is only guarded is looked up, since no row of it would meet the index.
        """
        heads: dict[str, int] = {}
        missing: set[str] = set()
        versions = self._versions
        for request in batch:
            written = [entry.stream for entry in request.entries]
            for stream in (*written, *request.expected):
                version = versions.get(stream)
                if version is not None:
                    heads[stream] = version
                elif stream not in written or request.expected.get(stream) != 0:
                    missing.add(stream)
        return Known(heads), list(missing)

    def remember(self, heads: dict[str, int]) -> None:
        for stream, version in heads.items():
            self._versions.pop(stream, None)  # the newest stand last: what is forgotten is what was idle longest
            self._versions[stream] = version
        while len(self._versions) > MAX_STREAMS:
            del self._versions[next(iter(self._versions))]

    def forget(self) -> None:
        self._versions.clear()
