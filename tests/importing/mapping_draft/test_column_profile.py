"""What the values of a column are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.importing.mapping_draft.column_profile import ColumnProfile


def profile_of(values: Any) -> ColumnProfile:
    return ColumnProfile.of("column", values if isinstance(values, pd.Series) else pd.Series(values, dtype=object))


@pytest.mark.parametrize(
    ("values", "kind", "options"),
    [
        (["3", "12", ""], "integer", {}),
        ([3.0, None, 12.0], "integer", {}),
        (["3.5", "12"], "number", {}),
        (["3"] * 5_000 + ["3.5"], "number", {}),
        (["3"] * 99 + ["9" * 20], "number", {}),
        (["１２００", "1300"], "integer", {}),
        (["2025-06-30T09:05:00Z", "2025-07-01T00:00:00Z"], "time", {}),
        (["6/30/2025 9:05", "7/13/2025 17:00"], "time", {"format": "%m/%d/%Y %H:%M"}),
        (["30/6/2025", "1/7/2025"], "time", {"format": "%d/%m/%Y"}),
        (["30.06.2025", "1.7.2025"], "time", {"format": "%d.%m.%Y"}),
        (["2025年6月30日", "2025年7月1日"], "time", {"format": "%Y年%m月%d日"}),
        (["20250603090500", "20250704101500"], "time", {"format": "%Y%m%d%H%M%S"}),
        (["20250603", "20250704"], "time", {"format": "%Y%m%d"}),
        ([881250949, 891717742], "epoch", {"unit": "s"}),
        (["1751270700000", "1751270800000"], "epoch", {"unit": "ms"}),
        (["$31.20/hr", "DOE", "$52k/yr", "$18 - $20 per hour", "$15"], "amount", {"number": True, "per": "text"}),
        (["1.200,50 €", "980,00 €"], "amount", {"number": {"decimal": ","}}),
        (["時給1,200円～1,500円", "時給１，３００円"], "amount", {"number": True, "per": "text"}),
        (["あり", "なし", "あり"], "flag", {}),
        ([True, False], "flag", {}),
        (["Yes", "no", ""], "flag", {}),
        (["cook|waiter", "driver"], "list", {"split": "|"}),
        ([[1, 2], [], None], "list", {}),
        (["A4", "B5"], "text", {}),
        (["", None, float("nan")], "empty", {}),
    ],
)
def test_kind_of_values(values: list[Any], kind: str, options: dict[str, Any]) -> None:
    profile = profile_of(values)
    assert (profile.kind, dict(profile.options)) == (kind, options)


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_without_a_zone_are_noted(zone: str | None) -> None:
    typed = pd.Series(pd.date_range("2025-06-30", periods=3, tz=zone))
    texts = ["2025-06-30 09:00:00" + (" UTC" if zone else "")] * 3
    assert [bool(profile_of(values).notes) for values in (typed, texts)] == [zone is None] * 2


def test_ambiguous_order_of_month_and_day_is_noted() -> None:
    profile = profile_of(["6/7/2025", "1/2/2025"])
    assert profile.options == {"format": "%m/%d/%Y"}
    assert any("%d/%m/%Y" in note for note in profile.notes)
    assert not any("%d/%m/%Y" in note for note in profile_of(["6/17/2025", "1/2/2025"]).notes)


def test_a_few_other_values_do_not_change_the_kind() -> None:
    assert profile_of(["soon", *["2025-06-30"] * 39]).kind == "time"
    assert profile_of(["soon", *["2025-06-30"] * 9]).kind == "text"


def test_missing_words_and_counts() -> None:
    profile = profile_of(["NA", "3", "", None, "3", "ＮＡ"])
    assert profile.kind == "integer"
    assert (profile.n_rows, profile.n_missing, profile.n_distinct) == (6, 4, 1)
    assert profile.missing == ("NA", "ＮＡ")
    assert profile.samples == ("3",)
    assert profile_of(["なし", "あり"]).missing == ()


def test_key_has_a_value_of_its_own_in_nearly_every_row() -> None:
    numbers = list(range(100))
    assert profile_of(numbers).is_key
    assert profile_of([*numbers, 5]).is_key
    assert not profile_of([*numbers, *numbers]).is_key
    assert profile_of(pd.Series(np.arange(3), dtype="int64")).is_key
