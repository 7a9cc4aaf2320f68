"""The shipped reference tables compared with public totals."""

from __future__ import annotations

import pytest

from scoring.columns import TABLES
from scoring.dataset import reference


def test_prefectures_are_the_47_of_japan() -> None:
    table = reference.load_prefecture_traits()
    assert len(table) == 47
    assert table["population"].sum() == 126_146_099
    assert list(table["prefecture_code"]) == [f"{i:02d}" for i in range(1, 48)]
    assert table["region"].nunique() == 7
    assert table["latitude"].between(26, 44).all()
    assert table["longitude"].between(127, 142).all()


@pytest.mark.parametrize("name", ["occupations", "prefectures", "prefecture_adjacency"])
def test_reference_tables_are_canonical(name: str) -> None:
    table = getattr(reference, f"load_{name}")()
    assert {c.name: c.type.dtype for c in TABLES[name].columns} == table.dtypes.astype(str).to_dict()
    assert list(table) == list(TABLES[name].names)
    assert not table.duplicated(list(TABLES[name].key)).any()
    assert not table.isna().any(axis=None)


def test_adjacency_has_86_land_and_7_water_borders() -> None:
    kinds = reference._read("prefecture_adjacency.csv")
    land = kinds[kinds["kind"] == "land"]
    assert (len(land), len(kinds) - len(land)) == (86, 7)
    assert len(reference.load_prefecture_adjacency()) == 93
    assert "47" not in set(land["prefecture_code"]) | set(land["adjacent_code"])
    pairs = {frozenset(pair) for pair in zip(kinds["prefecture_code"], kinds["adjacent_code"], strict=True)}
    assert len(pairs) == 93
    assert all(len(pair) == 2 for pair in pairs)
    assert {code for pair in pairs for code in pair} == set(reference.load_prefectures()["prefecture_code"])


def test_occupations_are_172_in_18_major_groups() -> None:
    table = reference.load_occupation_traits()
    assert len(table) == 172
    assert table["name"].is_unique
    assert table["occupation_code"].is_unique
    assert table["major_code"].nunique() == 18
    assert table.groupby("major_code")["major_name"].nunique().eq(1).all()
    assert table["weight"].sum() == pytest.approx(100, abs=0.1)
    assert (table["wage_level"] >= 1).all()
    shares = table[["daily_payment", "no_experience", "student_welcome", "remote_work"]]
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)


def test_cities_belong_to_their_prefectures() -> None:
    table = reference.load_cities()
    assert table["city_code"].is_unique
    assert table["city_code"].str.fullmatch(r"\d{5}").all()
    assert (table["city_code"].str[:2] == table["prefecture_code"]).all()
    assert set(table["prefecture_code"]) == set(reference.load_prefectures()["prefecture_code"])
    assert table.groupby("prefecture_code")["population_share"].sum().round(3).eq(1).all()
    assert table.groupby("prefecture_code").size().min() >= 3
    named = [station for stations in table["stations"] for station in stations]
    assert all(station.endswith("駅") for station in named)
    assert len(named) > 400


def test_minimum_wages_never_decrease() -> None:
    table = reference.load_minimum_wages().sort_values(["prefecture_code", "effective_date"])
    assert len(table) == 141
    assert str(table["effective_date"].dtype) == "datetime64[us, UTC]"
    steps = table.groupby("prefecture_code")["hourly_wage"].diff().dropna()
    assert (steps > 0).all()
    tokyo = table[table["prefecture_code"] == "13"]["hourly_wage"]
    assert list(tokyo) == [1113, 1163, 1226]
    nagano = table[table["prefecture_code"] == "20"]["hourly_wage"]
    assert list(nagano) == [948, 998, 1061]  # widely copied lists repeat 998 for 2025
