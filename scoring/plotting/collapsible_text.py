"""A collapsible text in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

__all__ = ["Fold"]


@dataclass(frozen=True)
class Fold:
    """A text of many lines. A notebook shows its title; a click opens the text.

    Example
    -------
    >>> from scoring.plotting import Fold
    >>> print(Fold("Two lines", "a" + chr(10) + "b"))
    a
    b
    """

    title: str
    text: str

    def __repr__(self) -> str:
        return f"Fold({self.title})"

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<details><summary>{escape(self.title)}</summary><pre>{escape(self.text)}</pre></details>"
