"""Untrusted SVG: hostile documents are refused with the reason, plain drawings are accepted."""

from __future__ import annotations

import pytest

from services.art_studio.domain.svg_check import check_svg
from services.art_studio.domain.svg_rules import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">'


def inside(content: str) -> bytes:
    return f"{OPEN}{content}</svg>".encode()


HOSTILE = {
    "a script": (inside("<script>alert(1)</script>"), "<script> is not on the list of allowed elements (a script)"),
    "a script in another namespace": (
        inside('<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>'),
        "<script> is not in the SVG namespace",
    ),
    "foreign content": (inside("<foreignObject/>"), "<foreignObject> is not on the list"),
    "an embedded image": (inside('<image href="file:///etc/passwd"/>'), "<image> is not on the list"),
    "a style sheet": (inside("<style>@import url(http://evil)</style>"), "<style> is not on the list"),
    "a style attribute": (
        inside('<rect style="fill:url(http://evil)"/>'),
        "the attribute style is not allowed on <rect>",
    ),
    "a use bomb": (inside('<g id="a"/><use href="#a"/>'), "<use> is not on the list"),
    "an animation": (inside('<rect><animate attributeName="href"/></rect>'), "<animate> is not on the list"),
    "an animated set": (inside('<set attributeName="onload" to="x()"/>'), "<set> is not on the list"),
    "a link": (inside('<a href="javascript:alert(1)"/>'), "<a> is not on the list of allowed elements (links)"),
    "a frame": (inside("<iframe/>"), "<iframe> is not on the list"),
    "a filter": (inside('<filter id="f"/>'), "<filter> is not on the list"),
    "an event attribute on the root": (
        OPEN.replace(" viewBox", ' onload="x()" viewBox').encode(),
        "the event attribute",
    ),
    "an event attribute inside": (inside('<g onclick="x()"/>'), "the event attribute onclick on <g>"),
    "an event attribute in capitals": (inside('<g ONCLICK="x()"/>'), "the event attribute ONCLICK on <g>"),
    "an xlink reference": (inside('<path xlink:href="http://evil/x.svg#a"/>'), "the reference href on <path>"),
    "a plain reference": (inside('<rect href="#x"/>'), "the reference href on <rect>"),
    "a base address": (inside('<g xml:base="http://evil/"/>'), "the attribute base is not allowed on <g>"),
    "a fetched paint": (inside('<rect fill="url(http://evil/p.svg#p)"/>'), "the value of fill on <rect>"),
    "a paint by escape": (inside('<rect fill="&#117;rl(//evil)"/>'), "the value of fill on <rect>"),
    "a script as colour": (inside('<rect fill="javascript:x"/>'), "the value of fill on <rect>"),
    "an expression as length": (inside('<rect width="calc(1px)"/>'), "the value of width on <rect>"),
    "a data path": (inside('<path d="data:image/svg"/>'), "the value of d on <path>"),
    "a document type": (b"<!DOCTYPE svg>" + inside(""), "DTDForbidden"),
    "exponential entities": (
        b'<!DOCTYPE s [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]>' + inside("<title>&b;</title>"),
        "DTDForbidden",
    ),
    "an external entity": (
        b'<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + inside("<title>&a;</title>"),
        "DTDForbidden",
    ),
    "an undeclared entity": (inside("<title>&nbsp;</title>"), "not well-formed XML"),
    "a style sheet instruction": (
        b'<?xml-stylesheet href="http://evil/s.css"?>' + inside(""),
        "the processing instruction xml-stylesheet",
    ),
    "another encoding": (inside("").decode().encode("utf-16"), "not UTF-8"),
    "bytes that are no text": (b"\xff\xfe\x00<svg", "not UTF-8"),
    "two roots": (inside("") + inside(""), "not well-formed XML"),
    "an svg inside": (inside('<svg viewBox="0 0 1 1"/>'), "the root, and only the root"),
    "another root": (b'<g xmlns="http://www.w3.org/2000/svg"/>', "the root, and only the root"),
    "no namespace": (b"<svg/>", "<svg> is not in the SVG namespace"),
    "html": (b"<!doctype html><html></html>", "not well-formed XML"),
    "text among the shapes": (inside("<g>javascript:alert(1)</g>"), "text inside <g>"),
    "an element inside the title": (inside("<title><rect/></title>"), "<rect> inside <title>"),
    "nothing": (b"", "not well-formed XML"),
    "half a document": (inside("<g>")[:-6], "not well-formed XML"),
    "too deep": (inside("<g>" * MAX_DEPTH + "</g>" * MAX_DEPTH), f"nested deeper than {MAX_DEPTH}"),
    "too many elements": (inside("<g/>" * MAX_ELEMENTS), f"more than {MAX_ELEMENTS} elements"),
    "too many bytes": (inside(" " * MAX_BYTES), f"at most {MAX_BYTES} are read"),
    "a value that costs the matcher": (
        inside(f'<g transform="rotate(1{" " * 100_000}x"/>'),
        "longer than 500 characters",
    ),
    "a dash pattern without end": (inside(f'<g stroke-dasharray="{"1 " * 90_000}"/>'), "longer than 500 characters"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_with_its_reason(name: str) -> None:
    data, reason = HOSTILE[name]
    verdict = check_svg(data)
    assert not verdict.accepted
    assert verdict.reason is not None
    assert reason in verdict.reason


PLAIN = {
    "shapes": '<g transform="translate(1 2) rotate(45)"><path d="M0 0A1 1 0 0 1 2 2Z" fill="none"/><circle r="1"/></g>',
    "paint": '<rect width="1mm" height="50%" fill="#AbC" stroke="rgb(1, 2, 3)"  stroke-dasharray="1.5 2"/>',
    "lines": '<line x1="0" y1="0" x2="1e1" y2="-1"/><polyline points="0,0 1,1"/><polygon points="0 0 1 1 2 0"/>',
    "words": "<title>A &lt;script&gt; in words is only words</title><desc>x</desc><!-- a comment -->",
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_drawing_is_accepted(name: str) -> None:
    verdict = check_svg(b'<?xml version="1.0" encoding="UTF-8"?>\n' + inside(PLAIN[name]))
    assert verdict.reason is None
    assert verdict.accepted
    assert verdict.elements > 1


def test_a_long_name_from_outside_does_not_stand_in_the_reason() -> None:
    verdict = check_svg(inside(f"<{'x' * 5000}/>"))
    assert verdict.reason is not None
    assert len(verdict.reason) < 200
