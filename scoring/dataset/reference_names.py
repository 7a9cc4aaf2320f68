"""Names of prefectures and occupations from the reference tables, and places of rows as text."""

from __future__ import annotations

from typing import Any

import pandas as pd

from scoring.columns.dataset_frames import Tables

__all__ = ["ReferenceNames"]


class ReferenceNames:
    """Codes with their names: `東京都 (13)`. A code without a name is returned as text."""

    def __init__(self, tables: Tables) -> None:
        self._prefectures = tables.prefectures.set_index("prefecture_code")["name"].to_dict()
        self._occupations = tables.occupations.set_index("occupation_code")["name"].to_dict()

    def format_prefecture(self, code: Any) -> str:
        """Return the name and the code of a prefecture."""
        return _format_code(self._prefectures.get(code), code)

    def format_occupation(self, code: Any) -> str:
        """Return the name and the code of an occupation."""
        return _format_code(self._occupations.get(code), code)

    def name_prefecture(self, code: Any) -> str:
        """Return the name of a prefecture, or its code; "" if it is missing."""
        name = self._prefectures.get(code) if isinstance(code, str) else ""
        return name if isinstance(name, str) else str(code)

    def name_occupation(self, code: Any) -> str:
        """Return the name of an occupation, or its code."""
        name = self._occupations.get(code)
        return name if isinstance(name, str) else str(code)

    def format_place(self, row: pd.Series) -> str:
        """Return the prefecture and the city of a user or a job."""
        code, city = row["prefecture_code"], row["city_code"]
        prefecture = self.format_prefecture(code) if isinstance(code, str) else "unknown place"
        return f"{prefecture}, city {city}" if isinstance(city, str) else prefecture


def _format_code(name: object, code: object) -> str:
    return f"{name} ({code})" if isinstance(name, str) else str(code)
