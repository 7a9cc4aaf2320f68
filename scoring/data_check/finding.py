"""One finding of a check of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Level"]

Level = Literal["problem", "warning", "info"]
"""`problem`: a run would be pointless; `warning`: something is odd; `info`: a fact."""


@dataclass(frozen=True)
class Finding:
    """A fact about the data, with the values that show it.

    Attributes
    ----------
    check: name of the check, as in `CHECKS`.
    text: the fact.
    advice: what to do; empty for facts that need nothing.
    component: the component that the finding is about, or empty.
    """

    check: str
    level: Level
    text: str
    advice: str = ""
    component: str = ""

    def __str__(self) -> str:
        return f"{self.text}. {self.advice}" if self.advice else f"{self.text}."
