"""A trained model: its output as a value."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import PrivateAttr

from scoring.dataset.arrays import JobArrays
from scoring.errors import ModelError
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import AffineLink, JobTerm, PairTerm, UserTerm, Value

if TYPE_CHECKING:
    from scoring.array_types import Floats, Longs
    from scoring.learning.learned_model import LearnedModel
    from scoring.learning.model_shapes import ModelShape
    from scoring.learning.tree_ensemble import TreeStates
    from scoring.model.model import ScoringModel

__all__ = ["Learned", "find_job_windows", "find_training_users"]

_SHOWN_INPUTS = 6
"""Inputs whose contributions an explanation shows: the largest."""


class Learned(Component):
    """The output of a trained model, changed by the link of its sidecar. The file is read once, when this is created.

    A relative path in a model file is relative to the model file. `digest` is that of the file and its sidecar. A
    model that was saved with a digest is rejected if the file has another one.

    Example
    -------
    >>> Learned(model=str(folder / "own.txt")).learned
    LearnedModel(own.txt, lightgbm, 3 inputs)
    """

    kind: ClassVar[str] = "learned"
    paths: ClassVar[tuple[str, ...]] = ("model",)

    model: str
    """Path of the model file. Its sidecar is beside it."""
    digest: str = ""
    """Digest of the model file and its sidecar; filled in when the file is read."""

    _learned: LearnedModel = PrivateAttr()
    _shape: ModelShape | None = PrivateAttr(default=None)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        from scoring.learning.learned_model import read_learned_model  # other models do not need it

        learned = read_learned_model(Path(self.model))
        if self.digest not in ("", learned.digest):
            raise ModelError(
                f"{self.model}: the file or its sidecar is not the one that this model was saved with (digest "
                f"{self.digest}, now {learned.digest}). Restore it, or remove `digest`.",
                key=("digest",),
                path=self.model,
            )
        self.__dict__["digest"] = learned.digest
        self._learned = learned

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Learned) and (self.model, self.digest) == (other.model, other.digest)

    def __hash__(self) -> int:
        return hash((self.model, self.digest))

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]  # those of other components depend on their class
        """What the inputs are computed from."""
        from scoring.learning.input_catalogue import find_reads

        return find_reads(self._learned.inputs)

    @property
    def learned(self) -> LearnedModel:
        """The model, as it was read."""
        return self._learned

    @property
    def shape(self) -> ModelShape:
        """How the model is evaluated, and why."""
        from scoring.learning.model_shapes import find_shape

        if self._shape is None:
            self._shape = find_shape(self._learned)
        return self._shape

    @property
    def fingerprint(self) -> str:
        """Digest of a network's outputs on this processor; empty for trees. The content of the files is in `digest`."""
        return self._learned.probe_digest

    def terms(self, inputs: Inputs) -> Value:
        from scoring.learning.input_catalogue import InputTables
        from scoring.learning.tree_tables import compute_side_states, make_tree_term

        learned, shape = self._learned, self.shape
        tables = InputTables(inputs, learned.inputs)
        if shape.kind == "job":
            return Value((JobTerm(learned.link(self._predict_side("job", tables.job_columns))),))
        if shape.kind == "user":
            return Value((UserTerm(learned.link(self._predict_side("user", tables.user_columns))),))
        if len(inputs.users) == len(inputs.jobs) == 1:
            none = np.zeros(1, dtype=np.int64)
            return Value((UserTerm(learned.link(learned.predict(tables.rows(none, none)))),))
        if shape.kind == "pairs" or learned.trees is None:
            return Value((PairTerm(learned.bundle(lambda: tables.columns)),), link=learned.link)
        users = compute_side_states(learned.trees, learned.inputs, "user", tables.user_columns)
        kept = inputs.jobs.compute_once(_make_store)
        of_dataset, of_basis, jobs = kept.get(self.digest, (_find_nothing, _find_nothing, None))
        if jobs is None or of_dataset() is not inputs.dataset or of_basis() is not inputs.basis:
            jobs = compute_side_states(learned.trees, learned.inputs, "job", tables.job_columns)
            kept[self.digest] = weakref.ref(inputs.dataset), weakref.ref(inputs.basis), jobs
        return Value((make_tree_term(learned.trees, users, jobs),), link=learned.link)

    def _predict_side(self, side: str, columns: Floats) -> Floats:
        """Return the outputs for the rows of one side, (rows, inputs of the side)."""
        specs = self._learned.inputs
        rows = np.zeros((len(columns), len(specs)))
        rows[:, [place for place, spec in enumerate(specs) if spec.side == side]] = columns
        return self._learned.predict(rows)

    def explain(self, pair: Pair) -> Reason:
        from scoring.learning.input_catalogue import InputTables

        learned = self._learned
        first = np.zeros(1, dtype=np.int64)
        row = InputTables(pair.alone, learned.inputs).rows(first, first)
        raw = float(learned.predict(row)[0])
        value = float(learned.link(np.array(raw)))
        return Reason(value, {"output": raw} | self._explain_trees(row[0], value))

    def _explain_trees(self, row: Floats, value: float) -> dict[str, Any]:
        """Return the contributions of inputs to the output of trees, and to the value where it is a sum of them."""
        from scoring.learning.tree_shap import compute_contributions

        learned = self._learned
        if learned.trees is None:
            return {}
        found = compute_contributions(learned.trees, row)
        names = [spec.name for spec in learned.inputs]
        ordered = sorted(zip(names, found.values.tolist(), strict=True), key=lambda item: -abs(item[1]))
        largest = {name: part for name, part in ordered[:_SHOWN_INPUTS] if part}
        facts: dict[str, Any] = {"mean output in training": found.expected, "contributions to the output": largest}
        if isinstance(learned.link, AffineLink) and 0 < value < 100:
            origin, factor, _ = learned.link.parameters
            shown = {"mean": (found.expected - origin) * factor} | {
                name: part * factor for name, part in largest.items()
            }
            others = value - sum(shown.values())
            facts["parts of the value"] = shown | ({"other inputs": others} if len(names) > _SHOWN_INPUTS else {})
        return facts


def find_training_users(model: ScoringModel) -> Longs:
    """Return the ids of the users that the trained models of a scoring model were trained on, ascending."""
    trained = [part.component.learned.sidecar.training.users for part in model.parts if type(part.component) is Learned]
    return np.unique(np.array([user for users in trained for user in users], dtype=np.int64))


def find_job_windows(model: ScoringModel) -> set[float | None]:
    """Return the windows in days (None: all) over which trained models count the actions on a job."""
    learned = [part.component.learned for part in model.parts if type(part.component) is Learned]
    if not learned:
        return set()
    from scoring.learning import input_catalogue  # other models do not need it

    return set[float | None]().union(*(input_catalogue.find_job_windows(found.inputs) for found in learned))


def _make_store(jobs: JobArrays) -> dict[str, tuple[Callable[[], Any], Callable[[], Any], TreeStates]]:
    """Return a store of the jobs' states by model digest, with weak references to their dataset and basis."""
    return {}


def _find_nothing() -> None:
    """Return what a weak reference to a deleted object returns."""
