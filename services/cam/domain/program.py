"""One job in, one toolpath out."""

from __future__ import annotations

from contracts.cam import ToolpathJob
from services.cam.domain.cutting import Cutter, levels_between
from services.cam.domain.limits import check_depths, check_envelope, check_job
from services.cam.domain.plans import Cutting
from services.cam.domain.pocketing import Planner
from services.cam.domain.regions import Layer, features_of
from services.cam.domain.toolpath import Operation, Toolpath, ticks


def program_for(job: ToolpathJob) -> Toolpath:
    """The cutter-centre path that clears everything of `job.spec` the cutter can reach.

    Offsets are made here (no G41/G42). Parts no disc of the cutter's size can reach, such as petal tips, are left; the
    simulation reports how much that is. Raises the leaves of services.cam.errors.CamError.
    """
    check_job(job)
    features = features_of(job.spec)
    check_depths(job, features)
    planner = Planner(Cutting.of(float(job.cutter.diameter_mm), float(job.feeds.stepover_ratio)))
    operations = [
        _operation(job, layer, f"pocket {number}", planner)
        for number, layer in enumerate((layer for feature in features for layer in feature.layers), start=1)
    ]
    toolpath = Toolpath(tuple(operations), ticks(float(job.safe_z_mm)))
    check_envelope(job, toolpath)
    return toolpath


def _operation(job: ToolpathJob, layer: Layer, name: str, planner: Planner) -> Operation:
    levels = levels_between(layer.top_mm, layer.bottom_mm, float(job.feeds.stepdown_mm))
    cutter = Cutter(ticks(float(job.safe_z_mm)))
    plans = planner.plans_for(layer)
    for plan in plans:
        cutter.clear(plan, layer.top_mm, levels)
    return Operation(
        name=name,
        features=tuple(source.name for source in layer.sources),
        top_mm=layer.top_mm,
        levels_mm=levels,
        rough_passes=sum(len(plan.rough) for plan in plans),
        finish_passes=sum(len(plan.finish) for plan in plans),
        moves=tuple(cutter.moves),
    )
