"""The tries of a panel: each settled setting with its measures, to compare, to name and to return to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from scoring.errors import ConfigurationError, make_printable, pluralize
from scoring.evaluation.measure_info import find_good_sign
from scoring.model import ScoringModel
from scoring.registry.evaluation_file import SavedModel
from scoring.registry.metadata import Digest
from scoring.widgets.model_changes import describe_changes
from scoring.widgets.panel_computation import PanelState

__all__ = ["MAX_TEXT", "Try", "TryHistory"]

MAX_TRIES: Final = 200
"""Number of kept tries. The oldest ones without star, name, note and confirmation are dropped first."""
MAX_TEXT: Final = 2_000
"""Limit for the name and the note of a try, in characters."""


class Try(BaseModel):
    """A setting of the panel with its results. Measures are compared with the baseline of that time."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    number: int
    """Number of the try in its session, from 1. It is the id on the page."""
    at: datetime
    digest: Digest
    """Digest of the model."""
    baseline: Digest
    """Digest of the baseline."""
    text: str
    """What changed since the previous try; "" if nothing did."""
    effect: str
    """What the change did to the measures; "" if unknown."""
    values: dict[str, float | None]
    """Measure → value; None if it has none."""
    differences: dict[str, float | None]
    """Measure → difference from the baseline."""
    marks: dict[str, int]
    """Measure → 1 or -1 if it is significantly better or worse than under the baseline, otherwise 0."""
    n_worse_slices: int
    confirmation: str = Field(default="", max_length=MAX_TEXT)
    """The result of Confirm for this setting as sentences; "" if it was not confirmed."""
    name: str = Field(default="", max_length=MAX_TEXT)
    note: str = Field(default="", max_length=MAX_TEXT)
    is_starred: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the user marked or confirmed this try, so it is not dropped."""
        return bool(self.is_starred or self.name or self.note or self.confirmation)

    def document(self) -> dict[str, Any]:
        """Return the try for the page."""
        return {
            "id": self.number,
            "name": self.name,
            "note": self.note,
            "starred": self.is_starred,
            "at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "text": self.text,
            "verdict": self.effect,
            "values": {measure: _round(value) for measure, value in self.values.items()},
            "differences": {measure: _round(value) for measure, value in self.differences.items()},
            "marks": dict(self.marks),
            "worse_slices": self.n_worse_slices,
            "confirmation": self.confirmation,
        }


class TryHistory:
    """The tries of a session, oldest first. The same model with the same baseline is one try.

    Parameters
    ----------
    start: The model that the panel was opened with. Other models have its components.
    clock: Returns the time of a new try.
    """

    def __init__(self, start: ScoringModel, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._start, self._clock = start, clock
        self.tries: list[Try] = []
        self.current: int | None = None
        """Number of the current try; None before the first."""
        self.n_moves = 0
        """Number of models that the session has compared with a baseline, without the trials of searches."""
        self._models: dict[str, SavedModel | ScoringModel] = {}
        self._last_number = 0

    def __repr__(self) -> str:
        return f"TryHistory({len(self.tries)} tries, {pluralize(self.n_moves, 'move')})"

    def add(self, state: PanelState) -> Try:
        """Add a complete state, or choose the try that it repeats. Return the current try.

        Raises
        ------
        ConfigurationError: If the slices of the state are not computed yet.
        """
        self.n_moves = max(self.n_moves, state.n_compared - state.n_trials)
        digests = state.model.digest, state.baseline.digest
        known = next((one for one in self.tries if (one.digest, one.baseline) == digests), None)
        if known is None:
            known = self._make_try(state)
            self.tries.append(known)
            self._drop_oldest()
        self.current = known.number
        if state.confirmation is not None:
            self._replace(known.number, confirmation=state.confirmation.text)
        return self._get(known.number)

    def find(self, number: int) -> tuple[ScoringModel, ScoringModel]:
        """Return the model and the baseline of a try.

        Raises
        ------
        ConfigurationError: If the try does not exist, or a component has changed since.
        """
        found = self._get(number)
        return self.load_model(found.digest), self.load_model(found.baseline)

    def find_confirmations(self, model: ScoringModel) -> list[str]:
        """Return the results of the confirmations of a model, one per baseline, oldest first."""
        return [one.confirmation for one in self.tries if one.digest == model.digest and one.confirmation]

    def rename(self, number: int, name: str) -> None:
        """Set the name of a try; "" removes it. Raise ConfigurationError as `find`, or if it is too long."""
        self._replace(number, name=_check_text("name", name))

    def annotate(self, number: int, note: str) -> None:
        """Set the note of a try; "" removes it. Raise ConfigurationError as `find`, or if it is too long."""
        self._replace(number, note=_check_text("note", note))

    def star(self, number: int, on: bool = True) -> None:
        """Mark or unmark a try. Raise ConfigurationError as `find`."""
        self._replace(number, is_starred=bool(on))

    def document(self) -> dict[str, Any]:
        """Return the tries, the measures in the order of the tables, and the number of moves, for the page."""
        measures = list(dict.fromkeys(name for one in self.tries for name in one.values))
        return {
            "tries": [one.document() | {"is_current": one.number == self.current} for one in self.tries],
            "measures": [{"name": name, "good": find_good_sign(name)} for name in measures],
            "n_moves": self.n_moves,
        }

    # For a draft on disk

    @property
    def models(self) -> dict[str, SavedModel]:
        """Digest → model, of all tries and their baselines."""
        used = {digest for one in self.tries for digest in (one.digest, one.baseline)}
        for digest in self._models.keys() - used:
            del self._models[digest]
        for digest, model in self._models.items():
            if isinstance(model, ScoringModel):
                self._models[digest] = SavedModel.of(make_printable(model.name), model)
        return {digest: model for digest, model in self._models.items() if isinstance(model, SavedModel)}

    def restore(
        self, tries: Sequence[Try], models: Mapping[str, SavedModel], current: int | None, n_moves: int
    ) -> None:
        """Replace the content by that of a draft."""
        self.tries, self.current, self.n_moves = list(tries), current, n_moves
        self._models = dict(models)
        self._last_number = max((one.number for one in tries), default=0)

    def load_model(self, digest: str) -> ScoringModel:
        """Return the model with a digest.

        Raises
        ------
        ConfigurationError: If a component has changed since the model was stored.
        """
        found = self._models[digest]
        if isinstance(found, ScoringModel):
            return found
        kinds = {part.component.kind: type(part.component) for part in self._start.parts}
        model = found.load(kinds, "a try of the panel")
        if model is None:
            raise ConfigurationError(
                "The code of a component has changed since this try. Choose another try.", key=("try",)
            )
        self._models[digest] = model
        return model

    def _make_try(self, state: PanelState) -> Try:
        previous = next((one for one in self.tries if one.number == self.current), None)
        if state.move is not None:
            text, effect = ", ".join(state.move.changes), state.move.effect
        elif previous is not None and previous.digest != state.model.digest:
            text, effect = describe_changes(self.load_model(previous.digest), state.model, state.request.moved), ""
        else:
            text, effect = "", ""
        for model in (state.model, state.baseline):
            self._models.setdefault(model.digest, model)
        rows = state.measures.to_dict("records")
        self._last_number += 1
        return Try(
            number=self._last_number,
            at=self._clock(),
            digest=state.model.digest,
            baseline=state.baseline.digest,
            text=text,
            effect=effect,
            values={str(row["measure"]): _drop_nan(row["mean"]) for row in rows},
            differences={str(row["measure"]): _drop_nan(row["difference"]) for row in rows},
            marks={
                str(row["measure"]): _compute_sign(find_good_sign(str(row["measure"])) * row["difference"])
                if row["significant"]
                else 0
                for row in rows
            },
            n_worse_slices=len(state.find_worse_slices()),
        )

    def _drop_oldest(self) -> None:
        """Drop tries beyond the limit, but not those that the user marked, nor the last one."""
        surplus = len(self.tries) - MAX_TRIES
        droppable = [one.number for one in self.tries[:-1] if not one.is_kept][: max(surplus, 0)]
        self.tries = [one for one in self.tries if one.number not in droppable]

    def _get(self, number: int) -> Try:
        found = next((one for one in self.tries if one.number == number), None)
        if found is None:
            raise ConfigurationError(f"Try {make_printable(str(number))} does not exist. Choose one of the list.",
                                     key=("try",))  # fmt: skip
        return found

    def _replace(self, number: int, **values: Any) -> None:
        place = self.tries.index(self._get(number))
        self.tries[place] = self.tries[place].model_copy(update=values)


def _check_text(what: str, text: str) -> str:
    text = text.strip()
    if len(text) > MAX_TEXT:
        raise ConfigurationError(
            f"The {what} of a try has {len(text):,} characters. Use at most {MAX_TEXT:,}.", key=(what,)
        )
    return text


def _round(value: float | None) -> float | None:
    """Return a number with six significant digits, so that the document of many tries stays small."""
    return None if value is None else float(f"{value:.6g}")


def _drop_nan(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _compute_sign(value: float) -> int:
    return int(value > 0) - int(value < 0)
