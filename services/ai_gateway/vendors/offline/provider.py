"""Provider `offline`: no key, no network. Specs, descriptions and drawings from the deterministic rosette designer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from contracts.ai import Output, Usage
from contracts.errors import ErrorCode
from contracts.spec import RosetteSpec
from services.ai_gateway.ports import Picture, ProviderAnswer, ProviderCall, ProviderFailure
from services.ai_gateway.vendors.offline.designer import DESIGNER_VERSION, Design, design
from services.ai_gateway.vendors.offline.drawing import MAX_SIDE_PX, png_of
from services.ai_gateway.vendors.offline.explaining import explained
from services.ai_gateway.vendors.offline.faults import split_marker, spoiled, without_answer
from services.ai_gateway.vendors.offline.parameters import design_parameters

SPEC_SCHEMA, PARAMETER_SCHEMA = "RosetteSpec", "RosetteParamSpec"
DEFAULT_SIZE = "1024x1024"


class OfflineProvider:
    """Answers JSON requests for the schemas RosetteSpec and RosetteParamSpec, text and image requests; the same
    request, the same bytes. Text about a verdict in the prompt explains it, other text describes a design."""

    name = "offline"

    def default_model(self, output: Output) -> str | None:
        return DESIGNER_VERSION

    async def generate(self, call: ProviderCall) -> ProviderAnswer:
        if call.model != DESIGNER_VERSION:
            raise ProviderFailure(
                ErrorCode.INVALID_REQUEST, f"the offline provider has no model {call.model!r}, only {DESIGNER_VERSION}"
            )
        prompt, fault = split_marker(call.prompt, call.attempt)
        if fault is not None:
            await without_answer(fault)
        if call.output == "json" and call.structure is not None and call.structure.name == PARAMETER_SCHEMA:
            parameters = design_parameters(prompt, call.system_prompt, call.seed)
            text = orjson.dumps(_known_to(call.structure.asked, parameters)).decode()
            return ProviderAnswer(
                model=DESIGNER_VERSION, text=text if fault is None else spoiled(fault, text), usage=Usage()
            )
        if call.output == "text" and (told := explained(prompt)) is not None:
            return ProviderAnswer(
                model=DESIGNER_VERSION,
                text=told if fault is None else _spoiled(fault, told, call.output),
                usage=Usage(),
            )
        drawn = await asyncio.to_thread(design, prompt, call.system_prompt, call.seed)
        if call.output == "image":
            return await self._picture(call, drawn)
        text = self._text(call, drawn)
        return ProviderAnswer(
            model=DESIGNER_VERSION, text=text if fault is None else _spoiled(fault, text, call.output), usage=Usage()
        )

    async def close(self) -> None:
        """Nothing is held open."""

    def _text(self, call: ProviderCall, drawn: Design) -> str:
        if call.output == "text":
            return described(drawn)
        structure = call.structure
        if structure is None or structure.name != SPEC_SCHEMA:
            raise ProviderFailure(
                ErrorCode.INVALID_REQUEST,
                f"the offline provider answers the schemas {SPEC_SCHEMA} and {PARAMETER_SCHEMA} only; for another one "
                "configure a model",
            )
        return orjson.dumps(_known_to(structure.asked, drawn.spec)).decode()

    async def _picture(self, call: ProviderCall, drawn: Design) -> ProviderAnswer:
        if call.image.format not in {None, "png"}:
            raise ProviderFailure(ErrorCode.INVALID_REQUEST, "the offline provider draws PNG only: image_format png")
        width, height = (int(side) for side in (call.image.size or DEFAULT_SIZE).split("x"))
        if not (16 <= width <= MAX_SIDE_PX and 16 <= height <= MAX_SIDE_PX):
            raise ProviderFailure(ErrorCode.INVALID_REQUEST, f"image_size: each side 16 to {MAX_SIDE_PX} px")
        data = await asyncio.to_thread(png_of, RosetteSpec.model_validate(drawn.spec), width, height)
        picture = Picture(data, "image/png")
        return ProviderAnswer(model=DESIGNER_VERSION, pictures=(picture,), usage=Usage(images=1))


def described(drawn: Design) -> str:
    """The design in a few sentences, from the soundhole outward."""
    names = [shape["type"].replace("_", " ") for shape in drawn.spec["shapes"] if "depth_mm" in shape]
    return f"{drawn.title}. From the soundhole outward: {', '.join(names)}."


def _known_to(schema: Mapping[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """The spec without top-level fields that the caller's schema does not have (a schema without `meta`, say)."""
    properties = schema.get("properties", {})
    return {key: value for key, value in spec.items() if key in properties}


def _spoiled(fault: str, text: str, output: Output) -> str:
    if output == "json" or fault == "empty":
        return spoiled(fault, text)
    return text
