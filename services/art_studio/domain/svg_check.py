"""Is an SVG from outside free of everything that is not on the list? Judged while it is parsed, so that a hostile one
costs no more than its first wrong byte. Nothing is repaired and nothing passed on: the answer is yes or no."""

from __future__ import annotations

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]  # ships no types
from defusedxml.ElementTree import DefusedXMLParser, ParseError  # type: ignore[import-untyped]  # ships no types

from contracts.art import CheckedSvg
from services.art_studio.domain.svg_rules import (
    DATA,
    ELEMENTS,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_VALUE,
    SVG,
    TEXT_ELEMENTS,
)

_CHUNK = 1 << 16
_WHY = {
    "a": "links",
    "foreignObject": "foreign content",
    "image": "an embedded or fetched image",
    "script": "a script",
    "style": "a style sheet, which can fetch and override",
    "use": "a reference, which can multiply without end",
}


def check_svg(data: bytes) -> CheckedSvg:
    """Accepted with the number of elements, or not, with the reason. Never raises for any bytes."""
    drawing = _Drawing()
    try:
        _read(data, drawing)
    except _Refused as refused:
        return CheckedSvg(accepted=False, reason=str(refused), elements=drawing.elements)
    except DefusedXmlException as error:
        reason = f"{type(error).__name__}: document types, entities and external references are not allowed"
        return CheckedSvg(accepted=False, reason=reason, elements=drawing.elements)
    except ParseError as error:
        return CheckedSvg(accepted=False, reason=f"not well-formed XML: {error}", elements=drawing.elements)
    return CheckedSvg(accepted=True, elements=drawing.elements)


class _Refused(Exception):
    """The message is the reason."""


def _read(data: bytes, drawing: _Drawing) -> None:
    if len(data) > MAX_BYTES:
        raise _Refused(f"{len(data)} bytes: at most {MAX_BYTES} are read")
    try:
        text = data.decode("utf-8")  # decided here, so that no declared encoding can hide anything
    except UnicodeDecodeError as error:
        raise _Refused(f"not UTF-8: {error.reason} at byte {error.start}") from error
    parser = DefusedXMLParser(target=drawing, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    for start in range(0, len(text), _CHUNK):
        parser.feed(text[start : start + _CHUNK])
    parser.close()


class _Drawing:
    """Target of the parser: refuses at the first element, attribute, value or text that is not on the list."""

    def __init__(self) -> None:
        self.elements = 0
        self._open: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if self.elements > MAX_ELEMENTS:
            raise _Refused(f"more than {MAX_ELEMENTS} elements")
        name = _element(tag)
        if (name == "svg") != (not self._open):
            raise _Refused("the root, and only the root, must be <svg>")
        if self._open and self._open[-1] in TEXT_ELEMENTS:
            raise _Refused(f"<{name}> inside <{self._open[-1]}>")
        self._open.append(name)
        if len(self._open) > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH} elements")
        for attribute, value in attributes.items():
            _check_attribute(name, attribute, value)

    def end(self, tag: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        if self._open[-1] not in TEXT_ELEMENTS and not text.isspace():
            raise _Refused(f"text inside <{self._open[-1]}>")

    def comment(self, text: str) -> None:
        """Comments draw nothing."""

    def pi(self, target: str, text: str) -> None:
        raise _Refused(f"the processing instruction {_shown(target)}: it can fetch a style sheet")

    def close(self) -> None:
        """The parser calls it at the end of a well-formed document, which has a root."""


def _element(tag: str) -> str:
    namespace, _, name = tag.rpartition("}")
    if namespace != "{" + SVG:
        raise _Refused(f"<{_shown(name)}> is not in the SVG namespace {SVG}")
    if name not in ELEMENTS:
        why = f" ({_WHY[name]})" if name in _WHY else ""
        raise _Refused(f"<{_shown(name)}> is not on the list of allowed elements{why}")
    return name


def _check_attribute(element: str, attribute: str, value: str) -> None:
    shown = _shown(attribute.rpartition("}")[2])
    if attribute.lower().startswith("on"):
        raise _Refused(f"the event attribute {shown} on <{element}>")
    if attribute.endswith("href"):
        raise _Refused(f"the reference {shown} on <{element}>: a drawing refers to nothing")
    pattern = ELEMENTS[element].get(attribute)
    if pattern is None:
        raise _Refused(f"the attribute {shown} is not allowed on <{element}>")
    if pattern not in DATA and len(value) > MAX_VALUE:
        raise _Refused(f"the value of {shown} on <{element}> is longer than {MAX_VALUE} characters")
    if pattern.fullmatch(value.strip()) is None:
        raise _Refused(f"the value of {shown} on <{element}> is not of an allowed form")


def _shown(text: str) -> str:
    """A name from outside as it may stand in a message."""
    return ascii(text[:40])[1:-1]
