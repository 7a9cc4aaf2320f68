"""The inputs, the models that rank them, and the digests of what comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

import scoring

__all__ = ["AS_OF", "FILE", "PAIRS", "dataset", "explanations", "lists", "models", "pairs", "strategies"]

FILE: Final = Path(__file__).parents[1] / "golden/lists.json"
DATA: Final = Path(__file__).parents[1] / "golden/data"
TABLES: Final = ("jobs", "users", "actions", "user_factors", "job_factors")
SCORES: Final = ("total_score", "base_score", "match_score", "personal_score")

AS_OF: Final = {"newest action": None, "set back": "2025-11-10T00:00:00Z"}
"""Name → the clock of a dataset. The second one only ranks by shipped weights."""
STRATEGIES: Final[Mapping[str, tuple[int, ...]]] = {"auto": (10, 40, 2_000), "pruned": (10, 40), "dense": (10, 40)}
"""Strategy → lengths of lists. 2,000 exceeds the number of jobs: the lists hold all eligible jobs."""

RULES: Final[Mapping[str, dict[str, Any] | None]] = {
    "as shipped": None,
    "off": {
        "open": False,
        "employment_types": None,
        "min_fee": None,
        "not_applied": False,
        "company_cooldown_days": None,
        "max_per_company": None,
    },
    "all on": {
        "open": True,
        "employment_types": (1, 2, 4),
        "min_fee": 500.0,
        "not_applied": True,
        "company_cooldown_days": 30.0,
        "max_per_company": 2,
    },
}

WEIGHTS: Final[Mapping[str, Mapping[str, dict[str, float] | None]]] = {
    "standard": {
        "as shipped": None,
        "factors only": {"collaborative": 1.0},
        "fee only": {"fee": 1.0},  # many equal totals
        "zeros and extremes": {"wage": 1e-9, "freshness": 0.5, "location": 0.25, "clicks": 0.25},
    },
    "classic": {
        "as shipped": None,
        "factors only": {"collaborative": 1.0},
        "fee only": {"fee": 1.0},
        "zeros and extremes": {"access": 1e-9, "category": 0.5, "condition": 0.25, "history": 0.25},
    },
}

PAIRS: Final = ((1, 1053), (1, 1001), (122, 301), (125, 1032), (128, 1159), (3_000_000_009, 3_000_000_007), (108, -5))
"""(user_id, job_id) of pairs that are explained."""


def dataset(as_of: str | None = None) -> Any:
    """Return the dataset of the committed tables."""
    frames = {name: pd.read_csv(DATA / f"{name}.csv", dtype=str, keep_default_na=False) for name in TABLES}
    return scoring.Dataset.from_frames(**frames, as_of=as_of)


def models(clock: str) -> Iterator[tuple[str, Any]]:
    """Yield the name of each case of a clock, and the case's model."""
    for name, weights in WEIGHTS.items():
        shipped = scoring.load_model(name)
        for weighted, flat in weights.items():
            if flat is not None and AS_OF[clock] is not None:
                continue
            model = shipped if flat is None else shipped.with_weights(flat)
            for ruled, rules in RULES.items():
                case = f"{name}, weights {weighted}, rules {ruled}, clock {clock}"
                yield case, model if rules is None else model.with_eligibility(**rules)


def strategies(prepared: Any) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield strategy, k and the digests of the active users' lists."""
    for strategy, lengths in STRATEGIES.items():
        scorer = scoring.Scorer(prepared.plan, path=strategy)
        for k in lengths:
            yield strategy, k, lists(scorer.top_k(k, prepared.active_users).frame())


def lists(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the number of rows of a ranking, and the digests of its order and of its scores."""
    ids = [frame[name].to_numpy(dtype="<i8") for name in ("user_id", "rank", "job_id")]
    return {"rows": len(frame), "order": digest(*ids), "scores": digest(*(_singles(frame[name]) for name in SCORES))}


def pairs(prepared: Any) -> str:
    """Return the digest of the four scores of all pairs."""
    return digest(_singles(scoring.Scorer(prepared.plan).all_pairs()))


def explanations(prepared: Any) -> list[list[float | bool]]:
    """Return total, base, match, personal and eligibility of each of `PAIRS`."""
    found = []
    for user_id, job_id in PAIRS:
        one = prepared.explain(user_id, job_id)
        found.append([one.total, *(one.groups[group] for group in ("base", "match", "personal")), one.eligible])
    return found


def digest(*arrays: np.ndarray) -> str:
    """Return the blake2b digest of the arrays' bytes, 32 hex digits."""
    state = hashlib.blake2b(digest_size=16)
    for array in arrays:
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def _singles(values: Any) -> np.ndarray:
    """Return float32 scores. A rounding would hide a change of the published type, so it is not done here."""
    array = np.asarray(values)
    assert array.dtype == np.float32, array.dtype
    return array.astype("<f4") + np.float32(0)  # −0 and 0 are the same score
