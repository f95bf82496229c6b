"""Why no program came out. Every leaf says what happened and what to change, and carries the figures as attributes."""

from __future__ import annotations

import math
from collections.abc import Callable

from contracts.cam import Simulation


class CamError(Exception):
    """Root of every refusal of the CAM core: the job as given cannot become a safe program."""

    def __reduce__(self) -> tuple[Callable[..., CamError], tuple[type[CamError], str, dict[str, object]]]:
        # errors come back from a process pool; the leaves' own arguments cannot be had from the message
        return _rebuilt, (type(self), str(self), vars(self))

    @property
    def details(self) -> dict[str, str]:
        """The leaf's data as text, fit for an error envelope."""
        return {name: str(value) for name, value in vars(self).items() if not isinstance(value, Simulation)}


class NothingToCut(CamError):
    def __init__(self) -> None:
        super().__init__("no shape states a depth, so there is nothing to cut: give depth_mm on the shapes to be cut")


class BadOutline(CamError):
    """A feature's boundary crosses itself, so inside and outside are undefined."""

    def __init__(self, feature: str, reason: str) -> None:
        super().__init__(f"{feature}: its outline is not a simple area ({reason}); change the shape's figures")
        self.feature = feature
        self.reason = reason


class ChannelTooNarrow(CamError):
    """Nowhere in the feature is there room for the cutter."""

    def __init__(self, feature: str, width_mm: float, diameter_mm: float) -> None:
        super().__init__(
            f"{feature}: its widest place is {width_mm:.3f} mm and the cutter is {diameter_mm:g} mm: "
            f"a smaller cutter or a wider feature"
        )
        self.feature = feature
        self.width_mm = width_mm
        self.diameter_mm = diameter_mm


class NoRoomForEntry(CamError):
    """The cutter fits, but its centre can move so little that it would have to drill instead of ramp."""

    def __init__(self, feature: str, travel_mm: float, needed_mm: float) -> None:
        # growing the area by w all across lengthens its centre path by pi times w
        wider_mm = math.ceil((needed_mm - travel_mm) / math.pi * 1000) / 1000
        super().__init__(
            f"{feature}: hardly wider than the cutter, whose centre could travel {travel_mm:.3f} mm in it; a ramp "
            f"needs {needed_mm:.3f} mm, and drilling is not supported: a smaller cutter or {wider_mm:.3f} mm more width"
        )
        self.feature = feature
        self.travel_mm = travel_mm
        self.needed_mm = needed_mm
        self.wider_mm = wider_mm


class LimitExceeded(CamError):
    """A figure of the job is beyond what the cutter, the stock or the machine allows. Lengths mm, feeds mm/min."""

    def __init__(self, what: str, value: float, limit: float, unit: str, remedy: str) -> None:
        super().__init__(f"{what} is {value:g} {unit}, the limit is {limit:g} {unit}: {remedy}")
        self.what = what
        self.value = value
        self.limit = limit
        self.unit = unit


class UnwritableLine(CamError):
    """A line the controllers would refuse; a defect of the post, whatever the job."""

    def __init__(self, line: str) -> None:
        super().__init__(f"the post wrote a line controllers refuse: {line[:80]!r}; please report this job")
        self.line = line


class GeometryFailed(CamError):
    """The arithmetic of the toolpath broke down where no refusal was foreseen: a defect of this engine."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"the toolpath's geometry could not be computed ({type(cause).__name__}: {str(cause)[:200]}): "
            f"change a radius or a gap slightly, and please report this job"
        )
        self.cause = type(cause).__name__


class SimulationFailed(CamError):
    """The finished program's text did not pass the independent simulation; it must not reach a machine."""

    def __init__(self, report: Simulation) -> None:
        findings = "; ".join(report.findings[:3]) or "no finding given"
        super().__init__(f"the program failed its own simulation and is withheld: {findings}")
        self.report = report


def _rebuilt(leaf: type[CamError], message: str, data: dict[str, object]) -> CamError:
    error = leaf.__new__(leaf)
    Exception.__init__(error, message)
    vars(error).update(data)
    return error
