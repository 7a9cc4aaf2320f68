"""What the sliders stand for: a model's weights and parameters, which of them are locked, and the way back.

weights = WeightsModel(load_model("standard"))
weights.set_weight("fee", 0.4)     # the others of its group make room
weights.set_group("base", 0.5)     # and so do the other groups
weights.set_parameter("freshness.half_life_days", 7)
weights.undo()
weights.make_baseline()            # what is compared with, and what reset goes back to
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from scoring.errors import ConfigurationError
from scoring.model import GROUPS, ScoringModel, WeightProfile
from scoring.widgets.parameters import Knob, knob_named, knobs_of, with_knob
from scoring.widgets.simplex import moved

__all__ = ["State", "WeightsModel"]

_STEPS = 500
"""Moves that can be taken back."""


@dataclass(frozen=True)
class State:
    """What one undo goes back to."""

    model: ScoringModel
    baseline: ScoringModel
    """What everything is compared with."""
    locked: frozenset[str] = frozenset()
    """Components whose weight in their group stays."""
    locked_groups: frozenset[str] = frozenset()


class WeightsModel:
    """Weights on the two levels of a model file, each summing to 1: groups, and the components of a group.

    A move that cannot be made raises ConfigurationError or ModelError with a sentence, and changes nothing. One that
    could not be made in full gives a sentence, and "" otherwise. `start` is what it began with, and the baseline until
    another is made; `reset` goes back to the baseline.
    """

    def __init__(self, model: ScoringModel) -> None:
        self.start = model
        self._state = State(model, model)
        self._past: list[State] = []
        self._future: list[State] = []
        self._saved = model.digest

    def __repr__(self) -> str:
        return f"WeightsModel({self.model.name}, {len(self._past)} moves{', not saved' if self.dirty else ''})"

    @property
    def state(self) -> State:
        return self._state

    @property
    def model(self) -> ScoringModel:
        """With the weights and parameters of now."""
        return self._state.model

    @property
    def baseline(self) -> ScoringModel:
        """What everything is compared with, and what `reset` goes back to."""
        return self._state.baseline

    @property
    def told(self) -> str:
        """Which baseline that is, in a sentence."""
        name = self.start.name
        if self.baseline == self.start:
            return f"The baseline is {name} as it was opened. Reset goes back to it."
        weights, others = _differing(self.start, self.baseline)
        some = [f"{count} {what}{'s' * (count != 1)}" for count, what in ((weights, "weight"), (others, "parameter"))
                if count]  # fmt: skip
        differs = f"; {' and '.join(some)} of it differ{'s' * (weights + others == 1)} from {name} as it was opened"
        return f"The baseline was made here{differs if some else ''}. Reset goes back to it, Undo to the one before."

    @property
    def groups(self) -> dict[str, float]:
        """Group → weight, of those that have components."""
        weights = self.model.weights
        return {group: weights.groups[group] for group in GROUPS if weights.components[group]}

    def weight(self, component: str) -> float:
        """In its group. Raises ConfigurationError."""
        return self.model.weights.components[self._group_of(component)][component]

    @property
    def flat(self) -> dict[str, float]:
        """Component → what it weighs in a total; they sum to 1."""
        return {
            part.name: float(weight) for part, weight in zip(self.model.parts, self.model.flat_weights, strict=True)
        }

    @property
    def dirty(self) -> bool:
        """Whether the model differs from the one that was saved or loaded last."""
        return self.model.digest != self._saved

    # Moves

    def set_weight(self, component: str, value: float) -> str:
        """Of a component in its group. Raises ConfigurationError where nothing can move."""
        group, weights = self._group_of(component), self.model.weights
        level, note = moved(
            f"group {group}",
            weights.components[group],
            component,
            value,
            self._state.locked,
            self.start.weights.components.get(group),
        )
        self._set_profile(weights.groups, {**weights.components, group: level})
        return note

    def set_group(self, group: str, value: float) -> str:
        """Of a group. Raises ConfigurationError where nothing can move; for one of which no component weighs."""
        if group not in self.groups:
            raise ConfigurationError(f"there is no group {group!r} here; there are {', '.join(self.groups)}.")
        weights = self.model.weights
        able = {name for name in self.groups if any(weights.components[name].values())}
        if value > 0 and group not in able:
            raise ConfigurationError(f"no component of {group} weighs anything; raise one of them first.")
        fallback = {name: weight if name in able else 0.0 for name, weight in self.start.weights.groups.items()}
        level, note = moved("the groups", self.groups, group, value, self._state.locked_groups, fallback)
        self._set_profile(level, weights.components)
        return note

    def set_parameter(self, name: str | Knob, value: float) -> None:
        """By `Knob.name`. Raises ModelError with what is wrong with the value; ConfigurationError: there is none."""
        if not math.isfinite(value):
            raise ConfigurationError(f"{name if isinstance(name, str) else name.name} cannot be {value}.")
        knob = knob_named(self.model, name if isinstance(name, str) else name.name)
        self._apply(replace(self._state, model=with_knob(self.model, knob, value)))

    def lock(self, component: str, on: bool = True) -> None:
        """Keeps a component's weight in its group where it is. Raises ConfigurationError."""
        self._group_of(component)
        self._apply(replace(self._state, locked=_toggled(self._state.locked, component, on)))

    def lock_group(self, group: str, on: bool = True) -> None:
        """Keeps a group's weight where it is. Raises ConfigurationError."""
        if group not in self.groups:
            raise ConfigurationError(f"there is no group {group!r} here; there are {', '.join(self.groups)}.")
        self._apply(replace(self._state, locked_groups=_toggled(self._state.locked_groups, group, on)))

    def load(self, model: ScoringModel) -> None:
        """Takes over weights, parameters and rules of another model with the same components; locks stay.

        Raises ConfigurationError where it has others.
        """
        here, there = ([(part.name, part.group, type(part.component)) for part in one.parts]
                       for one in (self.model, model))  # fmt: skip
        if here != there:
            raise ConfigurationError(
                f"{model.name} has other components ({', '.join(part.name for part in model.parts)}) than this panel; "
                "open a panel of its own with it."
            )
        self._apply(replace(self._state, model=model))
        self._saved = model.digest

    def make_baseline(self) -> str:
        """What the weights are now is what everything is compared with from now on. It can be undone."""
        if self.model == self.baseline:
            return "these weights are the baseline already."
        self._apply(replace(self._state, baseline=self.model))
        return ""

    def mark_saved(self, model: ScoringModel) -> None:
        """Says that this model is kept somewhere."""
        self._saved = model.digest

    # The way back

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    def undo(self) -> None:
        """Takes the last move back. Raises ConfigurationError where there is none."""
        self._travel(self._past, self._future, "taken back")

    def redo(self) -> None:
        """Makes a move again that was taken back. Raises ConfigurationError where there is none."""
        self._travel(self._future, self._past, "made again")

    def reset(self) -> None:
        """Back to the baseline, without locks. It can be undone."""
        self._apply(State(self.baseline, self.baseline))

    def _travel(self, source: list[State], target: list[State], what: str) -> None:
        if not source:
            raise ConfigurationError(f"there is no move to be {what}.")
        target.append(self._state)
        self._state = source.pop()

    def _apply(self, state: State) -> None:
        if state == self._state:
            return
        self._past.append(self._state)
        del self._past[:-_STEPS]
        self._future.clear()
        self._state = state

    def _set_profile(self, groups: Mapping[str, float], components: Mapping[str, Mapping[str, float]]) -> None:
        model = replace(self.model, weights=WeightProfile(groups, components))
        self._apply(replace(self._state, model=model))

    def _group_of(self, component: str) -> str:
        for part in self.model.parts:
            if part.name == component:
                return part.group
        known = ", ".join(part.name for part in self.model.parts)
        raise ConfigurationError(f"there is no component {component!r} here; there are {known}.")


def _differing(a: ScoringModel, b: ScoringModel) -> tuple[int, int]:
    """How many weights (of groups and components, as sliders show them) and how many numbers of components differ."""
    levels = [(one.weights.groups, *(one.weights.components[group] for group in GROUPS)) for one in (a, b)]
    weights = sum(before[name] != after[name] for before, after in zip(*levels, strict=True) for name in before)
    numbers = [{knob.name: knob.value for part in one.parts for knob in knobs_of(part)} for one in (a, b)]
    names = dict.fromkeys([*numbers[0], *numbers[1]])  # a curve may have more points in one of them
    return weights, sum(numbers[0].get(name) != numbers[1].get(name) for name in names)


def _toggled(names: Collection[str], name: str, on: bool) -> frozenset[str]:
    return frozenset(names) | {name} if on else frozenset(names) - {name}
