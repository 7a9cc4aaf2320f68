"""Names that a plot can show: matplotlib's own font has no Japanese, and draws a box for each letter."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["drawable"]

LONGEST = 22


def drawable(name: str, otherwise: str) -> str:
    """The name, cut to what fits beside an axis, if the font in use has all its letters; else `otherwise`."""
    return (name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…") if _has_letters(name) else otherwise


def _has_letters(name: str) -> bool:
    from matplotlib.font_manager import FontProperties, findfont

    return {ord(letter) for letter in name} <= _letters(findfont(FontProperties()))


@lru_cache(maxsize=8)
def _letters(font: str) -> frozenset[int]:
    """Code points that a font file has."""
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(font).get_charmap())
