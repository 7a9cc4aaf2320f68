"""What depends on the job alone, for a frame of jobs: at most a few columns of it are read.

All of the frame is checked. What no part of the answer reads is not encoded, and components that it does not need are
not planned, unless they are somebody's own: what is wrong with those is said at every door.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns.canonical_tables import empty_frame
from scoring.dataset.arrays import jobs_later
from scoring.dataset.lazy_fields import Lazy
from scoring.dataset.vocabularies import with_jobs
from scoring.errors import ConfigurationError
from scoring.facade.legacy_objects import canonical_frame
from scoring.facade.requests import nobody
from scoring.facade.snapshot import Snapshot
from scoring.model import Eligibility, Inputs, Part, ScoringModel, WeightProfile
from scoring.ranking import SCORES, Prepared
from scoring.statistics import Statistics
from scoring.validation.lazy_frame import Checked
from scoring.validation.normalise import checked

__all__ = ["base_scores", "job_component", "nobodys_inputs", "only"]

NO_RULES = Eligibility(
    open=False, employment_types=None, min_fee=None, not_applied=False, company_cooldown_days=None, max_per_company=None
)


def base_scores(snapshot: Snapshot, model: ScoringModel, jobs: pd.DataFrame) -> NDArray[np.float32]:
    """(m,) float32 base group of each row, in the frame's order. Raises DataError."""
    needed = only(model, "base", model.weights.components["base"])
    prepared = Prepared.of(_for_nobody(snapshot, jobs), needed, workers=1)
    return prepared.scorer.all_pairs()[SCORES.index("base_score"), 0]


def job_component(snapshot: Snapshot, model: ScoringModel, name: str, jobs: pd.DataFrame) -> NDArray[np.float32]:
    """(m,) float32, 0 to 100: one component's value for each row, in the frame's order.

    Raises DataError, and ConfigurationError where the model has no component of that name.
    """
    names = [part.name for part in model.parts]
    if name not in names:
        raise ConfigurationError(f"model {model.name} has no component {name!r}; it has {', '.join(names)}.")
    needed = only(model, model.parts[names.index(name)].group, {name: 1.0})
    inputs = _for_nobody(snapshot, jobs)
    prepared = Prepared.of(inputs, needed, workers=1)
    values = prepared.scorer.components(np.array([0]), np.arange(len(inputs.jobs)))
    place = [part.name for part in needed.parts].index(name)
    return values[place, 0].astype(np.float32)


def only(model: ScoringModel, group: str, weights: Mapping[str, float]) -> ScoringModel:
    """The model with these components of one group, so weighed within it, and without rules.

    Components of somebody's own stay, of any group, weighing nothing. Where all weights are 0 the whole model stays:
    a group that counts must weigh something.
    """
    if not any(weights.values()):
        return model
    kept = tuple(part for part in model.parts if part.name in weights or not _ships(part))
    components: dict[str, dict[str, float]] = {}
    for part in kept:
        components.setdefault(part.group, {})[part.name] = weights.get(part.name, 0.0)
    return ScoringModel(model.name, kept, WeightProfile({group: 1.0}, components), NO_RULES)


def _ships(part: Part) -> bool:
    return type(part.component).__module__.partition(".")[0] == "scoring"


class _LaterInputs(Lazy, Inputs):
    """Inputs whose columns are encoded when a component reads them."""


def _for_nobody(snapshot: Snapshot, jobs: pd.DataFrame) -> Inputs:
    """The frame's jobs, and one user of whom nothing is known. Raises DataError."""
    given = checked("jobs", jobs, code_width=snapshot.code_widths)
    statistics = snapshot.statistics
    user = snapshot.once(nobodys_inputs)
    words = with_jobs(statistics.dataset.words, given)

    def whole(field: str) -> Callable[[], Any]:
        return lambda: getattr(_of_frame(statistics, user, given), field)

    return _LaterInputs.later(
        {"job_vectors": whole("job_vectors"), "job_has_vector": whole("job_has_vector")},
        dataset=statistics.dataset,
        basis=statistics.basis,
        words=words,
        jobs=jobs_later(given, words),
        users=user.users,
        history=user.history,
        has_profile=user.has_profile,
        user_vectors=user.user_vectors,
        user_has_vector=user.user_has_vector,
    )


def nobodys_inputs(statistics: Statistics) -> Inputs:
    """One user of whom nothing is known, and no job."""
    row = {"user_id": nobody(statistics.dataset.users.user_id)}
    user = canonical_frame("users", [row], {})
    jobs = empty_frame("jobs")
    return Inputs.of(statistics, jobs=jobs, users=user, with_profile=np.zeros(1, dtype=bool))


def _of_frame(statistics: Statistics, user: Inputs, given: Checked) -> Inputs:
    return Inputs.of(statistics, jobs=given.frame, users=user.users.frame, with_profile=np.zeros(1, dtype=bool))
