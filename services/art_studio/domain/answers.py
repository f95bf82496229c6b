"""Reading a model's answer: a valid spec that keeps the caller's limits, or the reason why not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

import orjson
from pydantic import ValidationError

from contracts.art import PromptToSvg
from contracts.errors import ErrorCode, RmosError
from contracts.outlines import petal_half_width
from contracts.spec import (
    Circle,
    DotRing,
    HerringboneRing,
    PolygonRing,
    RadialPetals,
    Ring,
    RopeRing,
    RosetteSpec,
    Sector,
    Shape,
    TileRing,
)

_SLACK_MM = 0.01
"""Differences below this are rounding."""
_SHORT_MM = 1.0
"""A rosette more than this smaller than asked earns a warning."""


@dataclass(frozen=True, slots=True)
class Answer:
    spec: RosetteSpec
    warnings: tuple[str, ...]


def read_answer(text: str, command: PromptToSvg) -> Answer:
    """The design in a model's JSON. Raises RmosError(AI_INVALID_OUTPUT) naming every field or limit that is wrong."""
    try:
        spec = RosetteSpec.model_validate(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise RmosError(ErrorCode.AI_INVALID_OUTPUT, f"the model's answer is not JSON: {error}") from error
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise RmosError(
            ErrorCode.AI_INVALID_OUTPUT, f"the model's answer is no valid spec: {problems[0]}", problems=problems
        ) from error
    broken = broken_limits(spec, command)
    if broken:
        raise RmosError(
            ErrorCode.AI_INVALID_OUTPUT, f"the model's design does not keep the limits: {broken[0]}", problems=broken
        )
    return Answer(spec, tuple(deviations(spec, command)))


def broken_limits(spec: RosetteSpec, command: PromptToSvg) -> list[str]:
    """Hard limits that the design does not keep; empty when it keeps all."""
    limits, areas, broken = command.constraints, _areas(spec), []
    reach = max((_reach(shape) for shape in areas), default=0.0)
    if command.diameter_mm is not None and 2 * reach > float(command.diameter_mm) + _SLACK_MM:
        broken.append(f"its diameter is {2 * reach:.2f} mm, allowed are {command.diameter_mm}")
    if limits.inner_diameter_mm is not None:
        clear = 2 * min((_clear_radius(shape) for shape in areas), default=math.inf)
        if clear < float(limits.inner_diameter_mm) - _SLACK_MM:
            broken.append(f"it reaches inside the inner diameter of {limits.inner_diameter_mm} mm, to {clear:.2f} mm")
    if limits.max_shapes is not None and len(spec.shapes) > limits.max_shapes:
        broken.append(f"it has {len(spec.shapes)} shapes, allowed are {limits.max_shapes}")
    for index, shape in enumerate(spec.shapes):
        where = f"shapes[{index}] ({shape.type})"
        foreign = [m for m in _materials(shape) if limits.materials and m not in limits.materials]
        if foreign:
            broken.append(f"{where} uses {', '.join(foreign)}, which is not among the allowed materials")
        if limits.depth_mm is not None and shape.depth_mm is not None and shape.depth_mm > limits.depth_mm:
            broken.append(f"{where} is {shape.depth_mm} mm deep, allowed are {limits.depth_mm}")
        if limits.min_feature_mm is not None and _width(shape) < float(limits.min_feature_mm) - _SLACK_MM:
            broken.append(f"{where} is {_width(shape):.2f} mm wide, the least is {limits.min_feature_mm}")
    return broken


def deviations(spec: RosetteSpec, command: PromptToSvg) -> list[str]:
    """What a person should know although no hard limit is broken."""
    limits, areas, found = command.constraints, _areas(spec), []
    reach = max((_reach(shape) for shape in areas), default=0.0)
    if not areas:
        found.append("the design has no area to cut, only reference lines")
    elif command.diameter_mm is not None and 2 * reach < float(command.diameter_mm) - _SHORT_MM:
        found.append(f"the rosette is {2 * reach:.1f} mm wide, {command.diameter_mm} were asked")
    if "left_out" in spec.meta:
        found.append(f"left out by the designer: {spec.meta['left_out']}")
    for index, shape in enumerate(spec.shapes):
        where = f"shapes[{index}] ({shape.type})"
        piece = _piece_width(shape)
        if limits.min_feature_mm is not None and piece < float(limits.min_feature_mm) - _SLACK_MM:
            found.append(f"{where}: its pieces are {piece:.2f} mm at their narrowest, below {limits.min_feature_mm}")
        if piece <= 0:
            found.append(f"{where}: no piece fits, it is not drawn")
    return found


def _areas(spec: RosetteSpec) -> list[Shape]:
    return [shape for shape in spec.shapes if not _is_reference(shape)]


def _is_reference(shape: Shape) -> bool:
    return isinstance(shape, Circle) and shape.material is None and shape.depth_mm is None


def _materials(shape: Shape) -> tuple[str, ...]:
    if isinstance(shape, TileRing | HerringboneRing | RopeRing | DotRing):
        return shape.materials
    return () if shape.material is None else (shape.material,)


def _off_centre(shape: Shape) -> float:
    return math.hypot(float(shape.cx), float(shape.cy))


def _reach(shape: Shape) -> float:
    """The largest distance from the rosette's centre, mm."""
    return _off_centre(shape) + float(shape.reach)


def _clear_radius(shape: Shape) -> float:
    """The radius round the rosette's centre that the shape leaves free, mm."""
    off = _off_centre(shape)
    if isinstance(shape, Circle):
        return max(0.0, off - float(shape.r))
    if isinstance(shape, DotRing):
        return max(0.0, float(shape.r) - float(shape.dot_r) - off)
    inner = float(shape.r_inner)
    if isinstance(shape, PolygonRing):
        inner *= math.cos(math.pi / shape.sides)
    return max(0.0, inner - off)


def _width(shape: Shape) -> float:
    """The width of the band, disc or dot, mm; infinite for a reference line."""
    if isinstance(shape, Circle):
        return math.inf if _is_reference(shape) else 2 * float(shape.r)
    if isinstance(shape, DotRing):
        return 2 * float(shape.dot_r)
    return float(shape.r_outer - shape.r_inner)


def _piece_width(shape: Shape) -> float:
    """The narrowest a single piece gets across, by its nominal shape, mm; infinite where the band is the piece."""
    match shape:
        case Circle() | Ring() | PolygonRing() | Sector() | DotRing():
            return math.inf
        case RadialPetals():
            return 2 * petal_half_width(float(shape.r_inner), float(shape.r_outer), shape.petals, float(shape.web_mm))
        case TileRing():
            return math.tau * float(shape.r_inner) / shape.count - float(shape.gap_mm) if shape.r_inner else math.inf
        case HerringboneRing():
            return min(_width(shape) / 2, _slanted_width(shape, 45.0)) if shape.r_inner else math.inf
        case RopeRing():
            return _slanted_width(shape, float(shape.slant_deg)) if shape.r_inner else math.inf
        case _:
            assert_never(shape)


def _slanted_width(shape: HerringboneRing | RopeRing, slant_deg: float) -> float:
    return math.tau * float(shape.r_inner) / shape.count * math.cos(math.radians(slant_deg))
