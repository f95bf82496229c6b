"""What the gateway counts, in Prometheus' terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from contracts.health import Lag

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """One registry per application, so that two in one process do not share figures."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        labels = ("method", "route")
        self.requests = Counter(
            "rmos_http_requests", "Requests by route template and status.", (*labels, "status"), registry=self._registry
        )
        self.duration_s = Histogram(
            "rmos_http_request_duration_seconds",
            "From the first byte of the request to the last of the response.",
            labels,
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.in_flight = Gauge("rmos_http_in_flight", "Requests being answered now.", registry=self._registry)
        self.refused = Counter(
            "rmos_http_refused", "Requests refused because too many were in flight.", registry=self._registry
        )
        self.streams = Gauge("rmos_event_streams", "Open event streams.", registry=self._registry)
        self.streams_stalled = Counter(
            "rmos_event_streams_stalled", "Streams cut off because the client stopped reading.", registry=self._registry
        )

        self.lag_positions = Gauge(
            "rmos_log_lag_positions",
            "Events of the log that a follower (projections, checkpoints) has not got to.",
            ("follower",),
            registry=self._registry,
        )
        self.lag_s = Gauge(
            "rmos_log_lag_seconds",
            "Seconds since the first event that a follower has not got to was recorded.",
            ("follower",),
            registry=self._registry,
        )
        self.open_streams = 0

    def set_lags(self, lags: Iterable[Lag]) -> None:
        """What rmos says now; a follower that it does not name has no figure any more, rather than an old one."""
        self.lag_positions.clear()
        self.lag_s.clear()
        for lag in lags:
            self.lag_positions.labels(lag.name).set(lag.behind_positions)
            self.lag_s.labels(lag.name).set(float(lag.behind_s))

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Counts one event stream as open."""
        self.open_streams += 1
        self.streams.set(self.open_streams)
        try:
            yield
        finally:
            self.open_streams -= 1
            self.streams.set(self.open_streams)

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self._registry)
