"""Bulk scoring and weight tuning: every user against every job, ranked exactly.

    data = scoring.Dataset.from_database("sqlite:///data/market.db")
    ready = scoring.Prepared.of(data, scoring.load_model("standard"))
    ready.top_k(40).frame()          # every active user's 40 best jobs
    ready.explain(user_id=1, job_id=2).frame()   # why a pair has its score

Names are imported when they are first used, so that importing the package costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scoring import deprecated_module_paths

if TYPE_CHECKING:
    from scoring.dataset import Dataset as Dataset
    from scoring.dataset import Tables as Tables
    from scoring.facade import ScoringEngine as ScoringEngine
    from scoring.model import Component as Component
    from scoring.model import ScoringModel as ScoringModel
    from scoring.model import WeightProfile as WeightProfile
    from scoring.model_catalog import load_components as load_components
    from scoring.model_catalog import load_model as load_model
    from scoring.plan import Plan as Plan
    from scoring.ranking import Prepared as Prepared
    from scoring.ranking import Scorer as Scorer
    from scoring.ranking import explain as explain
    from scoring.statistics import Statistics as Statistics
    from scoring.synthetic import make_market as make_market

__version__ = "0.2.0"
"""The version of the package."""

deprecated_module_paths.install()

_HOMES = {
    "Component": "scoring.model",
    "Dataset": "scoring.dataset",
    "Plan": "scoring.plan",
    "Prepared": "scoring.ranking",
    "Scorer": "scoring.ranking",
    "ScoringEngine": "scoring.facade",
    "ScoringModel": "scoring.model",
    "Statistics": "scoring.statistics",
    "Tables": "scoring.dataset",
    "WeightProfile": "scoring.model",
    "explain": "scoring.ranking",
    "load_components": "scoring.model_catalog",
    "load_model": "scoring.model_catalog",
    "make_market": "scoring.synthetic",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'scoring' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
