"""Rows to train a model on: inputs as of the cut of a holdout, and labels from the actions after it.

Nothing after the cut is read except the labels. Negatives are jobs that the rules allowed for the user at the cut. Only
train users have rows, so that weights can be tuned on users that the model did not see.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_positive_integer, check_seed
from scoring.array_types import Floats, Longs
from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError, DataError, pluralize
from scoring.evaluation import Evaluator, Holdout, split_users
from scoring.learning.input_catalogue import InputSpec, InputTables, make_specs
from scoring.learning.sidecar import Training
from scoring.model import Eligibility, Inputs
from scoring.plan.rule_exclusions import Exclusions
from scoring.statistics import Statistics
from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import describe_os_error, wrap_os_errors

__all__ = ["DEFAULT_INPUTS", "TrainingFrame", "frame", "select_model_users"]

DEFAULT_INPUTS: Final = (
    "job.wage",
    "job.wage_ratio",
    "job.fee",
    "job.age_days",
    "job.remote_work",
    "job.daily_payment",
    "job.no_experience",
    "job.applications_30d",
    "job.clicks_30d",
    "job.views_30d",
    "job.company_rate",
    "job.occupation",
    "job.prefecture",
    "user.applications_90d",
    "user.clicks_30d",
    "user.days_since_action",
    "pair.place",
    "pair.preferred_similarity",
    "pair.applied_similarity",
    "pair.click_occupation_share",
    "pair.company_actions",
    "pair.wage_ratio",
    "pair.floor_ratio",
)
"""Inputs of a frame if none are given."""

_METADATA: Final = b"scoring.frame"
_KEYS: Final = ("user_id", "job_id", "label")


@dataclass(frozen=True, eq=False, repr=False)
class TrainingFrame:
    """Rows ordered by user and job.

    Attributes
    ----------
    specs: the inputs, in the order of the columns.
    rows: (n, d) float64.
    label: (n,) the gain of the pair; 0 for a negative.
    user_id, job_id: (n,).
    cut: the clock of the inputs; None if the holdout has no common one.
    seed: the seed of the drawn negatives.
    data: fingerprint of the data at the cut.

    Example
    -------
    >>> rows = scoring.learning.frame(holdout, ["job.wage", "job.occupation"], negatives=5)
    >>> rows.categorical
    ['job.occupation']
    """

    specs: tuple[InputSpec, ...]
    rows: Floats
    label: Floats
    user_id: Longs
    job_id: Longs
    cut: datetime | None
    seed: int
    data: str

    def __len__(self) -> int:
        return len(self.label)

    def __repr__(self) -> str:
        at = "without a common cut" if self.cut is None else f"at {self.cut:%Y-%m-%d %H:%M} UTC"
        return (
            f"TrainingFrame({len(self):,} rows, {self.n_positives:,} positive, {pluralize(len(self.users), 'user')}, "
            f"{len(self.specs)} inputs {at})"
        )

    @property
    def names(self) -> list[str]:
        """The names of the inputs."""
        return [spec.name for spec in self.specs]

    @property
    def categorical(self) -> list[str]:
        """The names of the categorical inputs, for LightGBM's `categorical_feature`."""
        return [spec.name for spec in self.specs if spec.categorical]

    @property
    def n_positives(self) -> int:
        """Number of rows with a label above 0."""
        return int((self.label > 0).sum())

    @cached_property
    def users(self) -> Longs:
        """Ids of the users with rows, ascending."""
        return np.unique(self.user_id)

    @property
    def group(self) -> Longs:
        """Number of rows of each user, for LightGBM's `group`."""
        return np.unique(self.user_id, return_counts=True)[1].astype(np.int64)

    @cached_property
    def digest(self) -> str:
        """Digest of the inputs, rows, labels and ids."""
        digest = hashlib.blake2b(json.dumps(self._describe(), sort_keys=True).encode(), digest_size=16)
        for values in (self.user_id, self.job_id, self.label, self.rows):
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    @property
    def training(self) -> Training:
        """What a sidecar states about the training."""
        return Training(
            users=tuple(self.users.tolist()),
            cut=self.cut,
            seed=self.seed,
            data=self.data,
            rows=len(self),
            positives=self.n_positives,
            frame=self.digest,
        )

    def frame(self) -> pd.DataFrame:
        """Return the columns user_id, job_id, label and one per input."""
        keys = pd.DataFrame(dict(zip(_KEYS, (self.user_id, self.job_id, self.label), strict=True)))
        return pd.concat([keys, pd.DataFrame(self.rows, columns=self.names)], axis=1)

    def save(self, path: Path | str) -> Path:
        """Write the frame as a Parquet file, which `TrainingFrame.load` and `scoring learned import` read.

        Raises
        ------
        OutputError: If the file cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_pandas(self.frame(), preserve_index=False)
        metadata = {**(table.schema.metadata or {}), _METADATA: json.dumps(self._describe()).encode()}
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata(metadata), sink)
        path = Path(path)
        with wrap_os_errors(path):
            replace_file(path, sink.getvalue().to_pybytes())
        return path

    @classmethod
    def load(cls, path: Path | str) -> TrainingFrame:
        """Return the frame of a file.

        Raises
        ------
        DataError: If the file cannot be read, or was not written by `save`.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(path)
        try:
            with path.open("rb") as file:
                table = pq.read_table(file)
            described = json.loads((table.schema.metadata or {})[_METADATA])
            specs = tuple(InputSpec.model_validate(spec) for spec in described["inputs"])
            columns = [table.column(spec.name).to_numpy() for spec in specs]
            user_id, job_id, label = (table.column(name).to_numpy() for name in _KEYS)
        except OSError as error:
            problem = (
                f"{path} cannot be read: {describe_os_error(error)}. Give a file that `scoring learned frame` wrote."
            )
            raise DataError(problem, reason="unreadable") from error
        except (KeyError, ValueError, pa.ArrowInvalid) as error:
            problem = f"{path} is not a training frame. Give a file that `scoring learned frame` wrote."
            raise DataError(problem, reason="not a frame") from error
        rows = np.column_stack(columns).astype(np.float64) if len(specs) else np.empty((table.num_rows, 0))
        cut = None if described["cut"] is None else datetime.fromisoformat(described["cut"])
        return cls(specs, rows, label, user_id, job_id, cut, described["seed"], described["data"])

    def _describe(self) -> dict[str, Any]:
        inputs = []
        for spec in self.specs:
            content = spec.model_dump(mode="json")
            inputs.append(content | {"missing": None if np.isnan(spec.missing) else spec.missing})
        cut = None if self.cut is None else self.cut.isoformat()
        return {"inputs": inputs, "cut": cut, "seed": self.seed, "data": self.data}


def select_model_users(user_ids: NDArray[np.integer] | Sequence[int], seed: int = 0) -> Longs:
    """Return half of the train users of `split_users(user_ids, seed=seed)`: those to train a model on.

    The other half is left to tune the model's weight. Validation and test users are not among them.

    Raises
    ------
    ConfigurationError: If the users cannot be split.

    Example
    -------
    >>> from scoring.evaluation import split_users
    >>> set(select_model_users(holdout.user_id)) < set(split_users(holdout.user_id).train)
    True
    """
    return split_users(split_users(user_ids, seed=seed).train, (0.5, 0.5, 0), seed=seed + 1).train


def frame(
    holdout: Holdout,
    inputs: Sequence[str] = DEFAULT_INPUTS,
    *,
    users: IdList | None = None,
    negatives: int = 50,
    rules: Eligibility | None = None,
    missing: Mapping[str, float] | float = float("nan"),
    seed: int = 0,
    statistics: Statistics | None = None,
) -> TrainingFrame:
    """Return the rows to train a model on: inputs as of the cut, and gains of the held-out actions as labels.

    Parameters
    ----------
    holdout: Its relevant jobs are the positives. With `by_time`, no input depends on an action after the cut. With
        `last_n` and `cold_start`, known actions of other users may be later than a user's labels.
    inputs: Names of the catalogue, and `jobs.NAME` and `users.NAME` of own columns.
    users: The users with rows; None: `select_model_users(holdout.user_id)`.
    negatives: Number of jobs drawn per user from the other jobs that the rules allowed at the cut.
    rules: The eligibility rules; None: the default rules.
    missing: The value of missing inputs: one for all, or by name (otherwise NaN). Networks cannot read NaN.
    seed: Seed of the drawn negatives. Jobs drawn for a user do not depend on other users.
    statistics: Statistics of the holdout's data; None: computed here.

    Raises
    ------
    ConfigurationError: If an input is unknown, or no user has a positive and a negative.

    Example
    -------
    >>> rows = scoring.learning.frame(holdout, ["job.wage", "pair.place"], negatives=5)
    >>> rows.names
    ['job.wage', 'pair.place']
    """
    if not isinstance(holdout, Holdout):
        raise ConfigurationError(
            f"holdout is of type {type(holdout).__name__}. Use a Holdout, such as by_time(data) returns.",
            key=("holdout",),
        )
    negatives, seed = check_positive_integer("negatives", negatives), check_seed(seed)
    chosen = select_model_users(holdout.user_id, seed) if users is None else users
    evaluator = Evaluator(holdout, users=chosen, statistics=statistics)  # checks users and statistics
    rows, relevance = evaluator.inputs, evaluator.holdout.relevance
    candidates = holdout.candidates
    if candidates is not None:
        candidates = candidates.take(holdout.data.user_lookup.find_rows(evaluator.user_id))
    exclusions = Exclusions.of(Eligibility() if rules is None else rules, rows, candidates)
    user_rows = np.searchsorted(rows.users.user_id, relevance.user_id)
    job_rows = holdout.data.job_lookup.find_rows(relevance.job_id)
    parts: list[tuple[Longs, Longs, Floats]] = []
    for user in range(len(rows.users)):
        allowed = exclusions.matrix(np.array([user]))[0]
        own = slice(*np.searchsorted(user_rows, [user, user + 1]))
        relevant, gain = job_rows[own], relevance.gain[own]
        is_allowed = allowed[relevant]
        relevant, gain = relevant[is_allowed], gain[is_allowed]
        allowed[job_rows[own]] = False
        rest = np.flatnonzero(allowed)
        if not len(relevant) or not len(rest):
            continue
        generator = np.random.default_rng([seed, int(rows.users.user_id[user]) & 0xFFFFFFFFFFFFFFFF])
        drawn = generator.choice(rest, min(negatives, len(rest)), replace=False)
        jobs = np.concatenate([relevant, drawn])
        order = np.argsort(jobs, kind="stable")
        labels = np.concatenate([gain, np.zeros(len(drawn))])
        parts.append((np.full(len(jobs), user, dtype=np.int64), jobs[order], labels[order]))
    if not parts:
        raise ConfigurationError(
            "No user has a relevant job and another job that the rules allow. Relax the rules, or choose another "
            "holdout.",
            key=("holdout",),
        )
    at_user, at_job, label = (np.concatenate(column) for column in zip(*parts, strict=True))
    # categories of all users: those of the users with labels would depend on later actions
    specs = make_specs(inputs, Inputs.of(evaluator.statistics), missing=missing)
    return TrainingFrame(
        specs=specs,
        rows=InputTables(rows, specs).rows(at_user, at_job),
        label=label,
        user_id=rows.users.user_id[at_user],
        job_id=rows.jobs.job_id[at_job],
        cut=None if holdout.starts is None else holdout.data.as_of.to_pydatetime(),
        seed=seed,
        data=holdout.data.fingerprint,
    )
