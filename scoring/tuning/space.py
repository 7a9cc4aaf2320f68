"""The search space: flat weights on their simplex, and parameters of components between bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Self, get_args

from scoring.argument_checks import is_number, list_values
from scoring.errors import ConfigurationError, ModelError, suggest
from scoring.model import Component, ScoringModel
from scoring.model_catalog import load_model

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["Parameter", "Space"]

_LEAST: Final = 1e-6
"""Smallest coordinate u, so that log(u) is finite: -log(u) is at most 14; its mean over uniform draws is 1."""

_ZERO_SHARED: Final = 1e-12
"""Weight left by the locked components, up to which it counts as 0: rounding error."""


@dataclass(frozen=True)
class Parameter:
    """A numeric parameter of a component, from `low` to `high`, both included; `log` selects a logarithmic scale.

    For a parameter declared as a whole number, only whole numbers are tried.
    """

    component: str
    field: str
    low: float
    high: float
    log: bool = False

    @property
    def name(self) -> str:
        """Component and field, such as freshness.half_life_days."""
        return f"{self.component}.{self.field}"

    @property
    def key(self) -> tuple[str, str]:
        """Key of errors about this parameter."""
        return self.component, self.field

    def of(self, model: ScoringModel) -> float:
        """Return the value of the parameter in a model that has the component."""
        component = next(part.component for part in model.parts if part.name == self.component)
        value: float = getattr(component, self.field)
        return value


@dataclass(frozen=True)
class Space:
    """All flat weights of a model that are not `locked`, and `parameters`.

    Each free weight has a coordinate u in (0, 1] and is proportional to -log(u). Uniform u then give weights that are
    uniform on the simplex (Devroye, Non-uniform random variate generation, 1986, chapter 11.4). Locked components keep
    their flat weight, `dropped` ones get weight 0, and the free ones share the rest.

    Raises
    ------
    ConfigurationError: If the model does not have a component or parameter, a parameter is not a single number, bounds
        are invalid or rejected by the component at one of their corners, or nothing can change.

    Example
    -------
    >>> space = Space(model, locked=("fee",))
    >>> "fee" in space.free
    False
    """

    model: ScoringModel
    locked: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    dropped: tuple[str, ...] = ()
    """Components whose weight cannot change a list."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", load_model(self.model))
        for argument in ("locked", "dropped"):
            names = list_values(argument, getattr(self, argument), str, "names of components")
            object.__setattr__(self, argument, names)
        parameters = list_values("parameters", self.parameters, Parameter, "parameters such as Parameter(…)")
        object.__setattr__(self, "parameters", parameters)
        for name in (*self.locked, *self.dropped, *(parameter.component for parameter in self.parameters)):
            if name not in self.names:
                raise ConfigurationError(
                    f"Model {self.model.name} has no component {name!r}. {suggest(name, self.names)}", key=(name,)
                )
        keys = [parameter.key for parameter in self.parameters]
        duplicate = next((key for key in keys if keys.count(key) > 1), None)
        if duplicate is not None:
            raise ConfigurationError(
                f"Parameter {'.'.join(duplicate)} is given more than once. Give it once.", key=duplicate
            )
        for parameter in self.parameters:
            _check_bounds(parameter, self._component(parameter.component))
        self._check_corners()
        if not self.free and not self.parameters:
            if self.dropped:
                raise ConfigurationError(
                    f"{', '.join(self.dropped)}: the same value for all jobs of every user. Fewer than two other "
                    "weights are unlocked, so the search cannot change anything. Unlock another component, or give a "
                    "parameter to search.",
                    key=self.dropped,
                )
            raise ConfigurationError(
                "Fewer than two weights are unlocked and no parameter is given, so the search cannot change anything. "
                "Unlock another component, or give a parameter to search.",
                key=("locked",),
            )
        if self.free and self.shared <= _ZERO_SHARED:
            raise ConfigurationError(
                "The locked weights sum to 1, so nothing is left for the other components. Unlock a "
                "component whose weight is above 0.",
                key=("locked",),
            )

    def _check_corners(self) -> None:
        """Check all corners of the bounds, as a component may relate parameters.

        If all corners are valid, all values between them are valid.
        """
        for name in dict.fromkeys(parameter.component for parameter in self.parameters):
            parameters = [parameter for parameter in self.parameters if parameter.component == name]
            for corner in product(*((parameter.low, parameter.high) for parameter in parameters)):
                values = dict(zip((parameter.name for parameter in parameters), corner, strict=True))
                try:
                    self._with_values(values)
                except ModelError as error:
                    values_text = ", ".join(f"{parameter} = {value:g}" for parameter, value in values.items())
                    raise ConfigurationError(
                        f"The search cannot try {values_text}: {error} Use other bounds.", key=(name,)
                    ) from error

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all components, in the model's order."""
        return tuple(part.name for part in self.model.parts)

    @property
    def free(self) -> tuple[str, ...]:
        """Components whose weight may change; empty if there are fewer than two."""
        unlocked = tuple(name for name in self.names if name not in (*self.locked, *self.dropped))
        return unlocked if len(unlocked) > 1 else ()

    @property
    def flat(self) -> dict[str, float]:
        """Component → flat weight of the model."""
        return _flatten_weights(self.model)

    @property
    def shared(self) -> float:
        """Sum of the weights of the free components."""
        return 1.0 - math.fsum(weight for name, weight in self.fixed.items())

    @property
    def fixed(self) -> dict[str, float]:
        """Component → flat weight in every model of the space, for the components that are not free."""
        weights = {name: weight for name, weight in self.flat.items() if name not in self.free}
        if not self.free:
            return weights  # no weight changes
        return weights | {name: 0.0 for name in self.dropped if name not in self.locked}

    def drop(self, names: Sequence[str]) -> Self:
        """Return the space without the weights of these components, as their weight cannot change a list.

        Their weight is 0 in every model of the space. Locked components stay locked. A component with a searched
        parameter stays in the space, because its values may differ for other parameters.

        Raises
        ------
        ConfigurationError: If nothing that can change remains.
        """
        searched = {parameter.component for parameter in self.parameters}
        found = tuple(name for name in self.names if name in names and name not in (*self.locked, *searched))
        return replace(self, dropped=tuple(dict.fromkeys((*self.dropped, *found)))) if found else self

    def suggest(self, trial: Trial) -> ScoringModel:
        """Return the model that a trial suggests."""
        coordinates = {name: trial.suggest_float(f"u({name})", _LEAST, 1.0) for name in self.free}
        values = {parameter.name: self._suggest(trial, parameter) for parameter in self.parameters}
        return self.model_of(coordinates, values)

    def _suggest(self, trial: Trial, parameter: Parameter) -> float:
        if _is_integer(self._component(parameter.component), parameter.field):
            return trial.suggest_int(parameter.name, int(parameter.low), int(parameter.high), log=parameter.log)
        return trial.suggest_float(parameter.name, parameter.low, parameter.high, log=parameter.log)

    def model_of(self, coordinates: Mapping[str, float], values: Mapping[str, float] | None = None) -> ScoringModel:
        """Return the model for a point of the space.

        Parameters
        ----------
        coordinates: Coordinate of each free weight, by component.
        values: Values of parameters, by `Parameter.name`; other parameters do not change.
        """
        model = self._with_values(values or {})
        if not self.free:
            return model
        # abs: log(1) gives -0 otherwise, which would appear in files
        raw = {name: abs(math.log(coordinates[name])) for name in self.free}
        total = math.fsum(raw.values())
        if total <= 0:  # all coordinates are 1: use equal weights
            raw, total = dict.fromkeys(raw, 1.0), float(len(raw))
        return model.with_weights(self.fixed | {name: weight * self.shared / total for name, weight in raw.items()})

    def model_at(self, point: Mapping[str, Any]) -> ScoringModel:
        """Return the model for the parameters of a trial, as `point_of` returns them."""
        values = {parameter.name: point[parameter.name] for parameter in self.parameters}
        return self.model_of({name: point[f"u({name})"] for name in self.free}, values)

    def _with_values(self, values: Mapping[str, float]) -> ScoringModel:
        """Return the model with these values.

        All parameters of a component are set at once: it may reject one new value with old values of the rest.
        """
        model, by_component = self.model, dict[str, dict[str, float]]()
        for parameter in self.parameters:
            if parameter.name in values:
                by_component.setdefault(parameter.component, {})[parameter.field] = values[parameter.name]
        for component, fields in by_component.items():
            model = model.with_parameters(component, **fields)
        return model

    def point_of(self, model: ScoringModel) -> dict[str, float]:
        """Return the trial parameters that give this model's weights and parameters.

        Properties of the model outside the space are ignored. So are weights of dropped components.

        Raises
        ------
        ConfigurationError: If the components differ, a locked weight differs, or a parameter is outside its bounds.
        """
        flat = _flatten_weights(model)
        if tuple(flat) != self.names:
            raise ConfigurationError(
                f"Models {model.name} and {self.model.name}, whose weights are searched, have different components. "
                "Use a model with the same components in the same order.",
                key=("model",),
            )
        for name in self.names:
            is_fixed = name not in (*self.free, *self.dropped)
            if is_fixed and abs(flat[name] - self.flat[name]) > 1e-9:
                raise ConfigurationError(
                    f"The weight of {name} is fixed at {self.flat[name]:g} in this search, but is {flat[name]:g} in "
                    f"model {model.name}. Use a model with the fixed weight.",
                    key=(name,),
                )
        return self._coordinates(flat) | {
            parameter.name: self._inside(parameter, model) for parameter in self.parameters
        }

    def _coordinates(self, flat: Mapping[str, float]) -> dict[str, float]:
        if not self.free:
            return {}
        # any scale gives the same weights; this one is typical of uniform draws, within the bounds
        scale = min(len(self.free) / self.shared, -math.log(_LEAST) / max(flat[name] for name in self.free))
        return {f"u({name})": min(max(math.exp(-scale * flat[name]), _LEAST), 1.0) for name in self.free}

    def _inside(self, parameter: Parameter, model: ScoringModel) -> float:
        value = parameter.of(model)
        if not parameter.low <= value <= parameter.high:
            raise ConfigurationError(
                f"{parameter.name} is {value:g} in model {model.name}, outside the bounds {parameter.low:g} to "
                f"{parameter.high:g}. Use wider bounds, or another model.",
                key=parameter.key,
            )
        return value

    def _component(self, name: str) -> Component:
        return next(part.component for part in self.model.parts if part.name == name)


def _flatten_weights(model: ScoringModel) -> dict[str, float]:
    return dict(zip((part.name for part in model.parts), model.flat_weights.tolist(), strict=True))


def _check_bounds(parameter: Parameter, component: Component) -> None:
    value, low, high = _number(parameter, component), parameter.low, parameter.high
    if not (is_number(low) and is_number(high) and low < high):
        raise ConfigurationError(
            f"{parameter.name}: the bounds are {low} and {high}. Use two finite numbers, the lower first.",
            key=parameter.key,
        )
    if parameter.log and low <= 0:
        raise ConfigurationError(
            f"{parameter.name}: a logarithmic scale needs a lower bound above 0, but it is {low:g}.", key=parameter.key
        )
    if _is_integer(component, parameter.field) and not (float(low).is_integer() and float(high).is_integer()):
        raise ConfigurationError(
            f"{parameter.name} is an integer, but its bounds are {low:g} and {high:g}. Use integers.", key=parameter.key
        )
    if not low <= value <= high:
        raise ConfigurationError(
            f"{parameter.name} is {value:g} in the model, outside the bounds {low:g} to {high:g}. Use bounds that "
            "contain it.",
            key=parameter.key,
        )


def _number(parameter: Parameter, component: Component) -> float:
    """Return the current value. Raises ConfigurationError if it is not a single number."""
    numbers = {name: getattr(component, name) for name in type(component).model_fields}
    numbers = {
        name: value for name, value in numbers.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }
    if parameter.field not in numbers:
        known = suggest(parameter.field, numbers)
        raise ConfigurationError(
            f"{parameter.component} has no numeric parameter {parameter.field!r}. {known}", key=parameter.key
        )
    return float(numbers[parameter.field])


def _is_integer(component: Component, field: str) -> bool:
    """Return whether the field is declared as int only. Its value does not decide, as a float field may contain 5."""
    declared = type(component).model_fields[field].annotation
    kinds = _find_kinds(declared)
    return int in kinds and float not in kinds


def _find_kinds(declared: Any) -> set[Any]:
    """Return the plain types in an annotation, such as int and NoneType for `Annotated[int, ...] | None`."""
    return {declared} if isinstance(declared, type) else set().union(*map(_find_kinds, get_args(declared)))
