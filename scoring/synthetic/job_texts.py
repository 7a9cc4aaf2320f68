"""Synthetic titles, addresses and stations of jobs, in the style of Japanese job boards."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.synthetic.reference_arrays import ReferenceArrays
from scoring.synthetic.sampling import Flags, Ints

__all__ = ["draw_stations", "make_addresses", "make_titles"]

_FLAG_WORDS = (
    ("日払いOK", "即日払いOK", "日払い可", "給与前払いあり"),
    ("未経験歓迎", "未経験OK", "初心者大歓迎", "経験不問"),
    ("学生歓迎", "大学生活躍中", "高校生OK", "学生さん大歓迎"),
    ("在宅OK", "リモート可", "フルリモート", "在宅勤務あり"),
)
_EXTRAS = (
    "週2日〜OK", "週3日〜", "シフト自由", "交通費支給", "駅チカ", "服装自由", "髪色自由", "土日祝休み",
    "土日のみOK", "短時間OK", "1日4h〜", "主婦(夫)活躍中", "扶養内OK", "社員登用あり", "急募", "オープニング",
    "履歴書不要", "WEB面接OK", "残業なし", "車通勤OK", "ミドル活躍中", "研修充実", "副業OK", "短期", "夜勤",
    "ブランクOK", "制服貸与", "高時給",
)  # fmt: skip
_TEMPLATES = (
    "【{a}】{place}!{job}",
    "【{a}】{place}チカ!{job}",
    "{job}/{a}/{place}",
    "{place}の{job}★{a}・{b}",
    "{job}＜{a}＞＜{b}＞",
    "{city}で{job}募集♪{a}",
    "＼{a}／{job}@{place}",
    "[{a}×{b}]{city}{job}",
    "{a}◎{job}（{place}）",
    "{job}【{city}】{b}",
    "《{b}》{a}の{job}",
    "{job}スタート応援!{a}☆{place}",
)
_NEAR = 1  # the template that claims to be near the place
_TOWNS = [
    "本町",
    "中央",
    "栄町",
    "緑町",
    "元町",
    "東町",
    "西町",
    "南町",
    "北町",
    "新町",
    "旭町",
    "幸町",
    "若葉町",
    "桜町",
    "大手町",
    "駅前",
    "泉町",
    "松原",
    "富士見",
    "宮前",
    "日の出町",
    "末広",
    "花園",
    "青葉",
]


def draw_stations(rng: np.random.Generator, reference: ReferenceArrays, city: Ints) -> NDArray[np.object_]:
    """Return a random station of each city, earlier ones more often; None if the city has no station."""
    lists = reference.cities.stations
    counts = np.array([len(names) for names in lists])
    first = np.cumsum(counts) - counts
    flat = np.array([name for names in lists for name in names] + [None], object)
    which = first[city] + (rng.random(len(city)) ** 1.5 * counts[city]).astype(np.int64)
    return flat[np.where(counts[city] > 0, which, len(flat) - 1)]


def make_titles(
    rng: np.random.Generator,
    reference: ReferenceArrays,
    city: Ints,
    station: NDArray[np.object_],
    occupation: Ints,
    flags: Flags,
) -> NDArray[np.object_]:
    """Return (n,) titles made of the occupation, the place and the true flags."""
    n = len(city)
    template = rng.integers(0, len(_TEMPLATES), n)
    # without a station the title would be "near" a whole city
    template[(template == _NEAR) & pd.isna(station)] = 0
    words = rng.integers(0, 4, n)
    extras = rng.integers(0, len(_EXTRAS), (2, n))
    # a random true flag; 4 means none
    draw = np.where(flags, rng.random((n, 4)), 0.0)
    promised = np.where(flags.any(1) & (rng.random(n) < 0.8), draw.argmax(1), 4)
    names, cities = reference.occupations.names[occupation], reference.cities.names[city]
    rows = zip(template, promised, words, extras[0], extras[1], names, cities, station, strict=True)
    result = np.empty(n, object)
    result[:] = [
        _TEMPLATES[t].format(
            a=_FLAG_WORDS[s][w] if s < 4 else _EXTRAS[x], b=_EXTRAS[y], job=job, city=town, place=stop or town
        )
        for t, s, w, x, y, job, town, stop in rows
    ]
    return result


def make_addresses(rng: np.random.Generator, reference: ReferenceArrays, city: Ints) -> NDArray[np.object_]:
    """Return (n,) addresses of prefecture, city, town and number. Towns are common names, not real ones of the city."""
    n = len(city)
    town, block, house, number = (rng.integers(0, k, n) for k in (len(_TOWNS), 6, 28, 20))
    start = reference.prefectures.names[reference.cities.prefecture] + reference.cities.names
    result = np.empty(n, object)
    result[:] = [
        f"{start[c]}{_TOWNS[t]}{b + 1}-{h + 1}-{k + 1}"
        for c, t, b, h, k in zip(city, town, block, house, number, strict=True)
    ]
    return result
