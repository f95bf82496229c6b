"""The conversation with `cam`: a job with everything it needs in, a verified program out."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.blobs import BlobRef
from contracts.feasibility import Feeds
from contracts.gcode_header import ProgramOrigin
from contracts.model import CatalogId, Message, NonNegative, Number, Positive, RequestId, Sha256
from contracts.spec import RosetteSpec

Post = Literal["grbl", "linuxcnc"]


class Cutter(Message):
    """A rotating tool as CAM sees it."""

    tool_id: CatalogId
    kind: Literal["flat"]
    diameter_mm: Positive
    flute_length_mm: Positive
    number: Annotated[int, Field(ge=1, le=255)] = 1


class MachineLimits(Message):
    """What the program may ask of the machine; XY envelope is centred on the part's origin."""

    machine_id: CatalogId
    envelope_x_mm: Positive
    envelope_y_mm: Positive
    envelope_z_mm: Positive
    rapid_xy_mm_per_min: Positive
    rapid_z_mm_per_min: Positive
    max_feed_xy_mm_per_min: Positive
    max_feed_z_mm_per_min: Positive
    min_spindle_rev_per_min: NonNegative
    max_spindle_rev_per_min: Positive
    acceleration_mm_per_s2: Positive


class ToolpathJob(Message):
    """`spec` has a depth on every shape to be cut. Origin and digests are written into the program's header."""

    spec: RosetteSpec
    cutter: Cutter
    feeds: Feeds
    machine: MachineLimits
    stock_thickness_mm: Positive
    safe_z_mm: Annotated[Number, Field(ge=1, le=50)] = Field(default=5, validate_default=True)
    post: Post = "grbl"
    design_sha256: Sha256
    feasibility_sha256: Sha256
    origin: ProgramOrigin


class Simulation(Message):
    """What the swept area of the final program's text shows; a program that fails it is an error, not an output."""

    passed: bool
    coverage_of_reachable: Annotated[Number, Field(ge=0, le=1)]
    coverage_of_design: Annotated[Number, Field(ge=0, le=1)]
    reachable_area_mm2: NonNegative
    uncut_reachable_mm2: NonNegative
    gouge_mm2: NonNegative
    max_gouge_mm: NonNegative
    deepest_mm: NonNegative
    rapids_below_top: Annotated[int, Field(ge=0)]
    plunges_in_stock: Annotated[int, Field(ge=0)]
    max_ramp_deg: NonNegative
    cut_length_mm: NonNegative
    rapid_length_mm: NonNegative
    arc_share: Annotated[Number, Field(ge=0, le=1)]
    lines: Annotated[int, Field(ge=0)]
    cycle_time_s: NonNegative
    findings: tuple[str, ...] = ()


class ToolpathResult(Message):
    """`toolpaths_sha256` is the digest of the toolpath before the post, `gcode.sha256` that of the file's bytes."""

    gcode: BlobRef
    opplan: BlobRef
    preview: BlobRef
    toolpaths_sha256: Sha256
    simulation: Simulation
    engine_version: str
    post_version: str
    compute_ms: NonNegative


class RecomputedToolpaths(Message):
    """What the job gives today, by its digests; nothing is stored and nothing goes on record."""

    gcode_sha256: Sha256
    opplan_sha256: Sha256
    preview_sha256: Sha256
    toolpaths_sha256: Sha256
    engine_version: str
    post_version: str


class ToolpathsGenerated(Message):
    type: ClassVar[str] = "cam.toolpaths_generated.v1"
    request_id: RequestId
    design_sha256: Sha256
    toolpaths_sha256: Sha256
    gcode_sha256: Sha256
    opplan_sha256: Sha256
    engine_version: str
    post_version: str
    compute_ms: NonNegative


class ToolpathsFailed(Message):
    type: ClassVar[str] = "cam.toolpaths_failed.v1"
    request_id: RequestId
    design_sha256: Sha256
    engine_version: str
    reason: str


CAM_FACTS = (ToolpathsGenerated, ToolpathsFailed)
