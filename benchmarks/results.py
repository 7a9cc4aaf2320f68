"""Figures with their bars, and the files that store them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

__all__ = ["Bar", "Figure", "Section", "Table", "at_least", "at_most", "number"]


@dataclass(frozen=True)
class Bar:
    """The limit that a figure should meet."""

    limit: float
    upper: bool

    def met(self, value: float) -> bool:
        return value <= self.limit if self.upper else value >= self.limit


def at_most(limit: float) -> Bar:
    return Bar(limit, upper=True)


def at_least(limit: float) -> Bar:
    return Bar(limit, upper=False)


@dataclass(frozen=True)
class Figure:
    """A measured value. If it is None, `note` gives the reason."""

    name: str
    value: float | None
    unit: str
    bar: Bar | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return met, missed or not measured; an empty string without a bar."""
        if self.value is None:
            return "not measured"
        return "" if self.bar is None else "met" if self.bar.met(self.value) else "missed"

    @property
    def shown(self) -> str:
        return "–" if self.value is None else f"{number(self.value)} {self.unit}".strip()

    @property
    def bar_shown(self) -> str:
        if self.bar is None:
            return ""
        return f"{'≤' if self.bar.upper else '≥'} {number(self.bar.limit)} {self.unit}".strip()


@dataclass(frozen=True)
class Table:
    """A table printed after the figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """The results of one part of the benchmark. `details` hold the data of plots and other readers."""

    name: str
    title: str
    size: str
    figures: Sequence[Figure]
    tables: Sequence[Table] = ()
    details: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def write(self, folder: Path) -> None:
        """Write the section to its JSON file; the files of other sections are kept."""
        folder.mkdir(parents=True, exist_ok=True)
        content = asdict(self)
        for kept, figure in zip(content["figures"], self.figures, strict=True):
            kept["verdict"] = figure.verdict
        (folder / f"{self.name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, file: Path) -> Self:
        content = json.loads(file.read_text("utf-8"))
        content["figures"] = [
            Figure(
                **{key: value for key, value in figure.items() if key not in ("bar", "verdict")},
                bar=Bar(**figure["bar"]) if figure["bar"] else None,
            )
            for figure in content["figures"]
        ]
        content["tables"] = [Table(**table) for table in content["tables"]]
        return cls(**content)


def number(value: float) -> str:
    """Return the value with three significant digits: 0.0123, 1.23, 12.3, 12,300."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
