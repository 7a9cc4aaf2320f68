"""What a search may change: flat weights on their simplex, and parameters of components between bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scoring.errors import ConfigurationError
from scoring.model import ScoringModel

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["Parameter", "Space"]

_LEAST: Final = 1e-6
"""Of a coordinate, so that its logarithm is finite: a weight is at most 14 times the mean of all."""


@dataclass(frozen=True)
class Parameter:
    """A number among a component's parameters, from `low` to `high`; with `log`, ratios count and not steps."""

    component: str
    field: str
    low: float
    high: float
    log: bool = False

    @property
    def name(self) -> str:
        """Like freshness.half_life_days."""
        return f"{self.component}.{self.field}"


@dataclass(frozen=True)
class Space:
    """All flat weights of a model that are not `locked`, and `parameters`.

    A search sees a coordinate u in (0, 1] for each free weight, which becomes -log(u): numbers drawn evenly, divided
    by their sum, are spread evenly over the simplex (Devroye, Non-uniform random variate generation, 1986, chapter
    11.4), and no grid leaves points out. Locked components keep their flat weight; the others share what is left.

    Raises ConfigurationError: a component or a parameter that the model does not have; bounds that are none; nothing
    to search.
    """

    model: ScoringModel
    locked: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    def __post_init__(self) -> None:
        for name in (*self.locked, *(parameter.component for parameter in self.parameters)):
            if name not in self.names:
                raise ConfigurationError(f"model {self.model.name} has no component {name!r}: {', '.join(self.names)}.")
        for parameter in self.parameters:
            self._check(parameter)
        if len(self.free) < 2 and not self.parameters:
            raise ConfigurationError("all weights but one are locked and no parameter is named: nothing can change.")
        if self.shared <= 0 and len(self.free):
            raise ConfigurationError("the locked weights sum to 1: nothing is left for the others.")

    def _check(self, parameter: Parameter) -> None:
        now = self._value(parameter)
        if not (math.isfinite(parameter.low) and parameter.low < parameter.high and math.isfinite(parameter.high)):
            raise ConfigurationError(f"{parameter.name}: it is to lie between {parameter.low} and {parameter.high}.")
        if parameter.log and parameter.low <= 0:
            raise ConfigurationError(f"{parameter.name}: ratios need a low end above 0, not {parameter.low}.")
        for end in (parameter.low, parameter.high):  # says what is wrong with it, if anything is
            self.model.with_parameters(parameter.component, **{parameter.field: end})
        if not parameter.low <= now <= parameter.high:
            raise ConfigurationError(f"{parameter.name} is {now} now, outside {parameter.low} to {parameter.high}.")

    @property
    def names(self) -> tuple[str, ...]:
        """Of all components, in the model's order."""
        return tuple(part.name for part in self.model.parts)

    @property
    def free(self) -> tuple[str, ...]:
        """Components whose weight may change."""
        return tuple(name for name in self.names if name not in self.locked)

    @property
    def flat(self) -> dict[str, float]:
        """Component → flat weight, as the model has it."""
        return dict(zip(self.names, self.model.flat_weights.tolist(), strict=True))

    @property
    def shared(self) -> float:
        """What the free components weigh together."""
        return 1.0 - sum(self.flat[name] for name in self.locked)

    def suggest(self, trial: Trial) -> ScoringModel:
        """The model that a trial is to try."""
        coordinates = {name: trial.suggest_float(f"u({name})", _LEAST, 1.0) for name in self.free}
        values = {p.name: trial.suggest_float(p.name, p.low, p.high, log=p.log) for p in self.parameters}
        return self.model_of(coordinates, values)

    def model_of(self, coordinates: Mapping[str, float], values: Mapping[str, float] | None = None) -> ScoringModel:
        """From coordinates of the free weights and values of the parameters (by `Parameter.name`)."""
        model = self.model
        for parameter in self.parameters if values else ():
            model = model.with_parameters(parameter.component, **{parameter.field: (values or {})[parameter.name]})
        raw = {name: -math.log(u) for name, u in coordinates.items()}
        total = sum(raw.values())
        if total <= 0:  # all at 1: no direction is given
            raw, total = dict.fromkeys(raw, 1.0), float(len(raw))
        share = self.shared / total if raw else 0.0
        return model.with_weights(self.flat | {name: weight * share for name, weight in raw.items()})

    def point_of(self, model: ScoringModel) -> dict[str, float]:
        """The trial's numbers that give this model's weights and parameters. Raises ConfigurationError: none do."""
        theirs = dict(zip((part.name for part in model.parts), model.flat_weights.tolist(), strict=True))
        self._check_same(model, theirs)
        # any scale gives the same weights; this one is where evenly drawn numbers lie
        scale = len(self.free) / self.shared if self.shared > 0 else 1.0
        point = {f"u({name})": min(max(math.exp(-scale * theirs[name]), _LEAST), 1.0) for name in self.free}
        return point | {p.name: min(max(self._value(p, model), p.low), p.high) for p in self.parameters}

    def _check_same(self, model: ScoringModel, theirs: Mapping[str, float]) -> None:
        if tuple(theirs) != self.names:
            raise ConfigurationError(f"model {model.name} has other components than {self.model.name}.")
        moved = [name for name in self.locked if abs(theirs[name] - self.flat[name]) > 1e-9]
        if moved:
            raise ConfigurationError(f"{moved[0]} is locked at {self.flat[moved[0]]:g}; {model.name} has another.")

    def _value(self, parameter: Parameter, model: ScoringModel | None = None) -> float:
        component = next(part.component for part in (model or self.model).parts if part.name == parameter.component)
        value = getattr(component, parameter.field, None)
        if not isinstance(value, int | float) or isinstance(value, bool):
            known: Sequence[str] = [
                name for name in type(component).model_fields if isinstance(getattr(component, name), int | float)
            ]
            raise ConfigurationError(f"{parameter.component} has no number {parameter.field!r}: {', '.join(known)}.")
        return float(value)
