"""View model of the sliders: the weights and parameters of a model, locks, undo and redo.

weights = WeightsModel(load_model("standard"))
weights.set_weight("fee", 0.4)     # the other weights of its group change in proportion
weights.set_group("base", 0.5)     # the other groups change in proportion
weights.set_parameter("freshness.half_life_days", 7)
weights.undo()
weights.make_baseline()            # comparisons and reset use these weights from now on
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scoring.argument_checks import is_number
from scoring.errors import ConfigurationError, shorten_repr
from scoring.model import GROUPS, Eligibility, ScoringModel, WeightProfile
from scoring.model.eligibility_rule import EligibilityRule
from scoring.model_catalog import AnyModel, load_model
from scoring.widgets.parameter_sliders import find_parameter, list_parameters, replace_parameter
from scoring.widgets.weight_redistribution import move_weight

__all__ = ["State", "WeightsModel"]

_MAX_UNDO = 500
"""Number of moves that can be undone."""


@dataclass(frozen=True)
class State:
    """The state that one undo restores."""

    model: ScoringModel
    baseline: ScoringModel
    """The model of all comparisons."""
    locked: frozenset[str] = frozenset()
    """Components whose weight in their group is fixed."""
    locked_groups: frozenset[str] = frozenset()
    off_rules: tuple[EligibilityRule, ...] = ()
    """Own rules that were turned off, with their last numbers."""
    moved: str = field(default="", compare=False)
    """Name of the group or component whose weight was moved last; "" if another move was the last."""


class WeightsModel:
    """Weights on the two levels of a model file: groups, and the components of a group. Each level sums to 1.

    An invalid move raises ConfigurationError or ModelError and changes nothing. `set_weight` and `set_group` return a
    sentence if limits or locks changed the value, otherwise "". `start` is the initial model and the first baseline.
    """

    def __init__(self, model: AnyModel) -> None:
        model = load_model(model)
        self.start = model
        self._state = State(model, model)
        self._past: list[State] = []
        self._future: list[State] = []
        self._saved = model.digest

    def __repr__(self) -> str:
        saved = ", not saved" if self.has_unsaved_changes else ""
        return f"WeightsModel({self.model.name}, {len(self._past)} moves{saved})"

    @property
    def state(self) -> State:
        return self._state

    @property
    def model(self) -> ScoringModel:
        """The model with the current weights and parameters."""
        return self._state.model

    @property
    def baseline(self) -> ScoringModel:
        """The model of all comparisons, which `reset` restores."""
        return self._state.baseline

    @property
    def baseline_description(self) -> str:
        """A description of the baseline for the user."""
        name = self.start.name
        if self.baseline == self.start:
            return f"The baseline is {name} as it was opened. Reset restores it."
        weights, parameters = _count_differences(self.start, self.baseline)
        counts = ((weights, "weight"), (parameters, "parameter"))
        changed = " and ".join(f"{count} {noun}{'s' * (count != 1)}" for count, noun in counts if count)
        verb = "differs" if weights + parameters == 1 else "differ"
        difference = f" {changed} {verb} from {name} as it was opened." if changed else ""
        return (
            f"The baseline was set in this panel.{difference} Reset restores it. Undo restores the previous baseline."
        )

    @property
    def groups(self) -> dict[str, float]:
        """Group → weight, for the groups that have components."""
        weights = self.model.weights
        return {group: weights.groups[group] for group in GROUPS if weights.components[group]}

    def weight(self, component: str) -> float:
        """Return the weight of a component in its group.

        Raises
        ------
        ConfigurationError: If the model does not have the component.
        """
        return self.model.weights.components[self._group_of(component)][component]

    @property
    def flat(self) -> dict[str, float]:
        """Component → its share of the total. The shares sum to 1."""
        return {
            part.name: float(weight) for part, weight in zip(self.model.parts, self.model.flat_weights, strict=True)
        }

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    @property
    def has_unsaved_changes(self) -> bool:
        """Whether the model differs from the one that was saved or loaded last."""
        return self.model.digest != self._saved

    # Moves

    def set_weight(self, component: str, value: float) -> str:
        """Set the weight of a component in its group, and change the other weights in proportion.

        Raises
        ------
        ConfigurationError: If the component does not exist, or its weight or all others cannot change.
        """
        group, weights, value = self._group_of(component), self.model.weights, _check_value(component, value)
        level, note = move_weight(
            f"group {group}",
            weights.components[group],
            component,
            value,
            self._state.locked,
            self.start.weights.components.get(group),
        )
        self._set_profile(component, weights.groups, {**weights.components, group: level})
        return note

    def set_group(self, group: str, value: float) -> str:
        """Set the weight of a group, and change the other groups in proportion.

        Raises
        ------
        ConfigurationError: If the group does not exist, all its components weigh 0, or its weight or all others
            cannot change.
        """
        if group not in self.groups:
            raise ConfigurationError(
                f"Group {group!r} does not exist. The groups are {', '.join(self.groups)}.", key=(group,)
            )
        weights, value = self.model.weights, _check_value(group, value)
        weighted = {name for name in self.groups if any(weights.components[name].values())}
        if value > 0 and group not in weighted:
            raise ConfigurationError(
                f"All components of {group} have weight 0. Increase one of them first.", key=(group,)
            )
        fallback = {name: weight if name in weighted else 0.0 for name, weight in self.start.weights.groups.items()}
        level, note = move_weight("the groups", self.groups, group, value, self._state.locked_groups, fallback)
        self._set_profile(group, level, weights.components)
        return note

    def set_parameter(self, name: str, value: float) -> None:
        """Set a parameter by its name (`SliderParameter.name`).

        Raises
        ------
        ConfigurationError: If the parameter does not exist or the value is not finite.
        ModelError: If the component rejects the value.
        """
        parameter, value = find_parameter(self.model, name), _check_value(name, value)
        self._apply(replace(self._state, model=replace_parameter(self.model, parameter, value)))

    def set_fields(self, component: str, **fields: Any) -> None:
        """Set some parameters of a component in one move.

        Raises
        ------
        ModelError: If the component does not exist or rejects a value.
        """
        self._apply(replace(self._state, model=self.model.with_parameters(component, **fields)))

    def set_eligibility(self, rules: Eligibility, off_rules: tuple[EligibilityRule, ...] | None = None) -> None:
        """Set the eligibility rules in one move. `off_rules` are own rules that are off; None: those of now."""
        off = self._state.off_rules if off_rules is None else off_rules
        self._apply(replace(self._state, model=replace(self.model, eligibility=rules), off_rules=off))

    def lock(self, component: str, on: bool = True) -> None:
        """Lock or unlock the weight of a component in its group.

        Raises
        ------
        ConfigurationError: If the model does not have the component.
        """
        self._group_of(component)
        self._apply(replace(self._state, locked=_toggle(self._state.locked, component, on)))

    def lock_group(self, group: str, on: bool = True) -> None:
        """Lock or unlock the weight of a group.

        Raises
        ------
        ConfigurationError: If the model does not have the group.
        """
        if group not in self.groups:
            raise ConfigurationError(
                f"Group {group!r} does not exist. The groups are {', '.join(self.groups)}.", key=(group,)
            )
        self._apply(replace(self._state, locked_groups=_toggle(self._state.locked_groups, group, on)))

    def load(self, model: AnyModel) -> None:
        """Use the weights, parameters and rules of another model with the same components. Locks are kept.

        Raises
        ------
        ConfigurationError: If the model has other components.
        """
        model = load_model(model)
        current, loaded = ([(part.name, part.group, type(part.component)) for part in one.parts]
                       for one in (self.model, model))  # fmt: skip
        if current != loaded:
            raise ConfigurationError(
                f"Model {model.name} differs from this panel in its components "
                f"({', '.join(part.name for part in model.parts)}), their groups or their classes. Open a separate "
                "panel for it.",
                key=("model",),
            )
        self._apply(replace(self._state, model=model))
        self._saved = model.digest

    def return_to(self, model: ScoringModel, baseline: ScoringModel | None = None) -> None:
        """Use a model and a baseline (None: the current one) of this panel again. Locks are kept."""
        self._apply(replace(self._state, model=model, baseline=self.baseline if baseline is None else baseline))

    def restore(self, state: State) -> None:
        """Replace the state by that of a draft. It cannot be undone."""
        self._past.clear()
        self._future.clear()
        self._state = state

    def make_baseline(self) -> str:
        """Make the current model the baseline. This can be undone. Return a sentence if it is already, otherwise ""."""
        if self.model == self.baseline:
            return "These weights are already the baseline."
        self._apply(replace(self._state, baseline=self.model))
        return ""

    def mark_saved(self, model: ScoringModel) -> None:
        """Record that this model is saved."""
        self._saved = model.digest

    # Undo and redo

    def undo(self) -> None:
        """Undo the last move.

        Raises
        ------
        ConfigurationError: If no move can be undone.
        """
        self._restore(self._past, self._future, "undo")

    def redo(self) -> None:
        """Redo the move that was undone last.

        Raises
        ------
        ConfigurationError: If no move can be redone.
        """
        self._restore(self._future, self._past, "redo")

    def reset(self) -> None:
        """Restore the baseline and remove all locks. This can be undone."""
        self._apply(State(self.baseline, self.baseline))

    def _restore(self, source: list[State], target: list[State], what: str) -> None:
        if not source:
            raise ConfigurationError(f"A change to {what} does not exist.", key=(what,))
        target.append(self._state)
        self._state = source.pop()

    def _apply(self, state: State, moved: str = "") -> None:
        if state == self._state:
            return
        self._past.append(self._state)
        del self._past[:-_MAX_UNDO]
        self._future.clear()
        self._state = replace(state, moved=moved)

    def _set_profile(
        self, moved: str, groups: Mapping[str, float], components: Mapping[str, Mapping[str, float]]
    ) -> None:
        model = replace(self.model, weights=WeightProfile(groups, components))
        self._apply(replace(self._state, model=model), moved)

    def _group_of(self, component: str) -> str:
        for part in self.model.parts:
            if part.name == component:
                return part.group
        known = ", ".join(part.name for part in self.model.parts)
        raise ConfigurationError(
            f"Component {component!r} does not exist. The components are {known}.", key=(component,)
        )


def _check_value(name: str, value: float) -> float:
    """Return a value as a float. Raises ConfigurationError if it is not a finite number."""
    if not is_number(value):
        raise ConfigurationError(f"{name} cannot be {shorten_repr(value)}. Use a finite number.", key=(name,))
    return float(value)


def _count_differences(a: ScoringModel, b: ScoringModel) -> tuple[int, int]:
    """Return how many weights (of groups, and of components in their group) and how many parameters differ."""
    levels = [(one.weights.groups, *(one.weights.components[group] for group in GROUPS)) for one in (a, b)]
    weights = sum(before[name] != after[name] for before, after in zip(*levels, strict=True) for name in before)
    numbers = [
        {parameter.name: parameter.value for part in one.parts for parameter in list_parameters(part)} for one in (a, b)
    ]
    names = dict.fromkeys([*numbers[0], *numbers[1]])  # a curve may have more points in one model
    return weights, sum(numbers[0].get(name) != numbers[1].get(name) for name in names)


def _toggle(names: Collection[str], name: str, on: bool) -> frozenset[str]:
    return frozenset(names) | {name} if on else frozenset(names) - {name}
