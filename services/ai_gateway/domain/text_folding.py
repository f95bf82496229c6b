"""Text as a person reads it, so that disguises do not hide a word: look-alike letters, invisible characters, spacing.

Normalisation NFKC (UAX #15), then format characters out (zero width, bidi: UAX #9), marks out, look-alikes replaced
(UTS #39 data in data/confusables.v1.json), case folded.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_WORD_WITH_DIGITS = re.compile(r"(?=[\w@$!]*[a-z])[\w@$!]*[0-9@$!][\w@$!]*")
_INSIDE_WORD = re.compile(r"(?<=[^\W_])[.\-_*'`|~^+\u00b7]+(?=[^\W_])")
_SPELLED = re.compile(r"(?<![^\W_])(?:[^\W_][\W_]{1,3}){3,80}[^\W_](?![^\W_])")


@dataclass(frozen=True, slots=True)
class FoldedText:
    """`plain` keeps case (for secrets); `views` are the readings in which a phrase may show; `spelled` are words that
    were written letter by letter, joined."""

    plain: str
    views: tuple[str, ...]
    spelled: tuple[str, ...]


def visible(text: str) -> str:
    """NFKC without characters that print nothing (category Cf: zero width, bidi controls, soft hyphen, tags)."""
    normal = unicodedata.normalize("NFKC", text)
    if normal.isascii():
        return normal
    return "".join(c for c in normal if unicodedata.category(c) not in {"Cf", "Co"} and not _filler(c))


def _filler(character: str) -> bool:
    """Letters by category that print nothing: Hangul fillers, variation selectors, the combining grapheme joiner."""
    return character in "\u115f\u1160\u3164\uffa0\u034f" or "\ufe00" <= character <= "\ufe0f"


def folded(text: str, confusables: Mapping[str, str]) -> FoldedText:
    plain = visible(html.unescape(text))
    base = plain
    if not plain.isascii():
        replaced = "".join(confusables.get(character, character) for character in plain)
        base = "".join(c for c in unicodedata.normalize("NFKD", replaced) if not unicodedata.combining(c))
        base = "".join(confusables.get(character, character) for character in base)
    tight = _INSIDE_WORD.sub("", base.casefold())
    base = base.casefold().replace("_", " ")  # to a pattern's word border an underscore is a letter
    readings = (base, tight, _unleeted(base), _unleeted(tight))
    spelled = tuple(re.sub(r"[\W_]", "", _unleeted(run)) for run in _SPELLED.findall(base))
    return FoldedText(plain, tuple(dict.fromkeys(readings)), spelled)


def _unleeted(text: str) -> str:
    """Digits and signs that stand for letters, in words that also have letters ("b0mb", not "110")."""
    return _WORD_WITH_DIGITS.sub(lambda match: match[0].translate(_LEET), text)
