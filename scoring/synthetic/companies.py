"""Synthetic employers: few large and many small ones, each with a prefecture and a major occupation group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.synthetic.reference_arrays import N_SCENES, ReferenceArrays
from scoring.synthetic.sampling import Flags, Floats, Ints, draw_flags, draw_weighted

__all__ = ["JOBS_PER_COMPANY", "Companies", "make_companies"]

JOBS_PER_COMPANY = 12
_STEMS = [
    "さくら",
    "みらい",
    "東亜",
    "あおぞら",
    "大和",
    "日の出",
    "三栄",
    "グリーン",
    "サン",
    "ひかり",
    "共栄",
    "富士見",
    "北斗",
    "明和",
    "こだま",
    "ライフ",
    "ネクスト",
    "丸中",
    "協和",
    "あすか",
    "若葉",
    "アクト",
    "西南",
    "オリーブ",
    "海鳴",
    "ひまわり",
    "第一",
    "中央",
    "旭",
    "光洋",
    "ハーモニー",
    "フロンティア",
    "トラスト",
    "アルプス",
    "つばさ",
    "なごみ",
    "昭栄",
    "双葉",
    "京浜",
    "瑞穂",
]
_MIDDLES = ["", "", "総合", "ジャパン", "トータル", "新", "プラス", "クリエイト", "パートナー", "アドバンス"]
_ENDS = [
    "フーズ",
    "リテール",
    "ロジスティクス",
    "製作所",
    "ビジネスサポート",
    "コミュニケーションズ",
    "商事",
    "システムズ",
    "デザイン",
    "ケア",
    "メディカル",
    "学園",
    "運輸",
    "建設",
    "ビルサービス",
    "ビューティー",
    "エンターテイメント",
    "ファーム",
]  # one for each major group


@dataclass(frozen=True)
class Companies:
    """n companies as arrays, the largest first."""

    ids: NDArray[np.object_]
    names: NDArray[np.object_]
    weight: Floats
    prefecture: Ints
    national: Flags
    major: Ints
    quality: Floats  # standard normal: attractiveness to applicants
    pay: Floats  # factor on wages
    generosity: Floats  # standard normal: tendency to pay the job board high fees
    scene: Ints

    def __len__(self) -> int:
        return len(self.ids)


def make_companies(rng: np.random.Generator, reference: ReferenceArrays, n_jobs: int) -> Companies:
    """Return one company per 12 jobs. Sizes follow Zipf's law, flattened at the top so that none dominates."""
    n = max(1, n_jobs // JOBS_PER_COMPANY)
    rank = np.arange(n)
    major_weight = np.bincount(reference.occupations.major, reference.occupations.weight)
    major = draw_weighted(rng, major_weight, n)
    quality = rng.normal(size=n)
    number = rng.permutation(n) + 1
    words = [rng.integers(0, len(w), n) for w in (_STEMS, _MIDDLES)]
    front = rng.random(n) < 0.5
    names = [
        f"株式会社{_STEMS[a]}{_MIDDLES[b]}{_ENDS[m]}" if f else f"{_STEMS[a]}{_MIDDLES[b]}{_ENDS[m]}株式会社"
        for a, b, m, f in zip(*words, major, front, strict=True)
    ]
    return Companies(
        np.array([f"C{i:07d}" for i in number], object),
        np.array(names, object),
        (1.0 / (rank + 10.0)).astype(np.float64),
        # companies are concentrated in large prefectures more than people are
        draw_weighted(rng, reference.prefectures.share**1.1, n),
        (rank < n * 0.03) & draw_flags(rng, 0.6, n),
        major,
        quality,
        np.exp(0.02 * quality + rng.normal(0, 0.05, n)),
        rng.normal(size=n),
        rng.integers(0, N_SCENES, n),
    )
