"""Cache keys of what is computed from a model and the data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import scoring
from scoring.caching.cache_key import EncodingKey, ExplanationKey, PlanKey, RequestKey, ScoreKey
from scoring.caching.content_identity import Code, freeze, read_code
from scoring.model import ScoringModel
from scoring.statistics import Statistics

__all__ = ["make_encoding_key", "make_explanation_key", "make_plan_key", "make_request_key", "make_score_key"]


def make_encoding_key(statistics: Statistics, model: ScoringModel, workers: int | None) -> EncodingKey:
    """Return the key of a model encoded on the data, for any weights: its parts, parameters, rules and code."""
    parts = [
        (part.name, part.group, part.component.kind, part.component.model_dump(mode="json")) for part in model.parts
    ]
    return EncodingKey(
        data=statistics.dataset.fingerprint,
        popularity=statistics.popularity_digests,
        model=json.dumps([parts, model.eligibility.model_dump(mode="json")]),
        code=_read_model_code(model),
        workers=workers,
    )


def make_plan_key(statistics: Statistics, model: ScoringModel, workers: int | None) -> PlanKey:
    """Return the key of a model planned on the data, with its weights and code."""
    return PlanKey(
        data=statistics.dataset.fingerprint,
        popularity=statistics.popularity_digests,
        model=model.digest,
        code=_read_model_code(model),
        workers=workers,
    )


def make_request_key(statistics: Statistics, model: ScoringModel, sample: str) -> RequestKey:
    """Return the key of a model planned on the jobs of a request, of which `sample` is a digest."""
    return RequestKey(
        data=statistics.dataset.fingerprint,
        popularity=statistics.popularity_digests,
        model=model.digest,
        code=_read_model_code(model),
        sample=sample,
    )


def make_score_key(
    statistics: Statistics, model: ScoringModel, job: Mapping[str, Any], user: Mapping[str, Any], profile: int | None
) -> ScoreKey:
    """Return the key of the scores of one pair: the values of both rows, and the user whose history counts."""
    return ScoreKey(
        data=statistics.dataset.fingerprint,
        popularity=statistics.popularity_digests,
        model=model.digest,
        code=_read_model_code(model),
        job=freeze(job),
        user=freeze(user),
        profile=profile,
    )


def make_explanation_key(
    statistics: Statistics, model: ScoringModel, job: Mapping[str, Any], user: Mapping[str, Any], profile: int | None
) -> ExplanationKey:
    """Return the key of the explanation of one pair, which also contains the model's name."""
    return ExplanationKey(
        data=statistics.dataset.fingerprint,
        popularity=statistics.popularity_digests,
        model=model.digest,
        code=_read_model_code(model),
        job=freeze(job),
        user=freeze(user),
        profile=profile,
        model_name=model.name,
    )


def _read_model_code(model: ScoringModel) -> Code:
    """Return the package version, and class and code of each component. A notebook may define a class again."""
    classes = dict.fromkeys(type(part.component) for part in model.parts)
    return Code((scoring.__version__, *classes, read_code(*classes)))
