"""The search space of the panel: weights on two levels, with locks on both.

A locked group keeps its weight. A locked component keeps its weight in its group. `Space` locks flat weights instead.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from scoring.errors import ConfigurationError
from scoring.model import GROUPS, ScoringModel, WeightProfile
from scoring.tuning.space import Space

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["LevelSpace"]

_LEAST: Final = 1e-6
"""Smallest coordinate, as in `Space`."""
_EQUAL: Final = 1e-9
_SINGLE: Final = 0.5
"""The coordinate of the only free weight of a level. It gets the whole remainder."""


@dataclass(frozen=True)
class LevelSpace(Space):
    """All weights of groups and of components in their group that are not locked.

    The free weights of a level share 1 minus the sum of its locked weights. They have coordinates as in `Space`:
    `g(NAME)` of a group, `u(NAME)` of a component.

    Raises
    ------
    ConfigurationError: If a locked name does not exist, or nothing can change.
    """

    locked_groups: tuple[str, ...] = ()
    locked_components: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in (*self.locked_groups, *self.locked_components):
            if name not in (*GROUPS, *self.names):
                raise ConfigurationError(f"Model {self.model.name} has no weight {name!r} to lock.", key=(name,))
        if not self._list_coordinates():
            raise ConfigurationError(
                "Fewer than two weights of each level are unlocked, so the search cannot change anything. Unlock "
                "another weight.",
                key=("locked",),
            )

    @property
    def free_groups(self) -> tuple[str, ...]:
        """Groups that share what the locked ones leave."""
        free = [group for group in GROUPS if group not in self.locked_groups and self._can_have_weight(group)]
        return tuple(free) if self._remainder(self._fixed_groups(free)) > _EQUAL else ()

    def drop(self, names: Sequence[str]) -> Self:
        """Return the space in which these components have weight 0.

        Locked components are kept. A component is also kept if its group's locks need it.
        """
        found = list(self.dropped)
        for group in GROUPS:
            unlocked = [name for name in self._get_names(group) if name not in self.locked_components]
            chosen = [name for name in unlocked if name in names]
            is_bound = group in self.locked_groups or len(unlocked) < len(self._get_names(group))
            found += [] if is_bound and len(chosen) == len(unlocked) else chosen
        dropped = tuple(dict.fromkeys(found))
        return self if dropped == self.dropped else replace(self, dropped=dropped)

    def suggest(self, trial: Trial) -> ScoringModel:
        """Return the model that a trial suggests."""
        return self.model_at({name: trial.suggest_float(name, _LEAST, 1.0) for name in self._list_coordinates()})

    def model_at(self, point: Mapping[str, Any]) -> ScoringModel:
        """Return the model for the parameters of a trial."""
        groups = {name: -math.log(point.get(f"g({name})", _SINGLE)) for name in self.free_groups}
        components = {
            group: {name: -math.log(point.get(f"u({name})", _SINGLE)) for name in self._list_free(group)}
            for group in GROUPS
        }
        return self._make_model(groups, components)

    def project(self, model: ScoringModel) -> ScoringModel:
        """Return the model of the space whose free weights have the proportions of those of another model."""
        weights = model.weights
        groups = {name: weights.groups[name] for name in self.free_groups}
        components = {
            group: {name: weights.components[group][name] for name in self._list_free(group)} for group in GROUPS
        }
        return self._make_model(groups, components)

    def point_of(self, model: ScoringModel) -> dict[str, float]:
        """Return the trial parameters that give the free weights of a model."""
        weights, point = model.weights, dict[str, float]()
        levels = [("g", self.free_groups, weights.groups)]
        levels += [("u", self._list_free(group), weights.components[group]) for group in GROUPS]
        for letter, names, values in levels:
            if len(names) < 2:
                continue
            total, largest = math.fsum(values[name] for name in names), max(values[name] for name in names)
            # any scale gives the same weights; this one is typical of uniform draws, within the bounds
            scale = min(len(names) / total, -math.log(_LEAST) / largest) if total > 0 else 0.0
            point |= {f"{letter}({name})": max(math.exp(-scale * values[name]), _LEAST) for name in names}
        return point

    def _list_coordinates(self) -> list[str]:
        """Return the names of the trial parameters. A weight that is free alone has none."""
        levels = [("g", self.free_groups), *(("u", self._list_free(group)) for group in GROUPS)]
        return [f"{letter}({name})" for letter, names in levels if len(names) > 1 for name in names]

    def _get_names(self, group: str) -> tuple[str, ...]:
        return tuple(self.model.weights.components[group])

    def _list_free(self, group: str) -> tuple[str, ...]:
        """Return the components of a group that share what the locked ones leave."""
        free = [name for name in self._get_names(group) if name not in (*self.locked_components, *self.dropped)]
        return tuple(free) if self._remainder(self._fixed_components(group, free)) > _EQUAL else ()

    def _can_have_weight(self, group: str) -> bool:
        """Return whether a component of the group has a weight in some model of the space."""
        known = self.model.weights.components[group]
        return bool(self._list_free(group)) or any(
            weight > 0 and (name in self.locked_components or name not in self.dropped)
            for name, weight in known.items()
        )

    def _fixed_groups(self, free: Collection[str]) -> dict[str, float]:
        return {
            name: weight if name in self.locked_groups or self._can_have_weight(name) else 0.0
            for name, weight in self.model.weights.groups.items()
            if name not in free
        }

    def _fixed_components(self, group: str, free: Collection[str]) -> dict[str, float]:
        return {
            name: weight if name in self.locked_components or name not in self.dropped else 0.0
            for name, weight in self.model.weights.components[group].items()
            if name not in free
        }

    @staticmethod
    def _remainder(fixed: Mapping[str, float]) -> float:
        return max(0.0, 1.0 - math.fsum(fixed.values()))

    def _make_model(self, groups: Mapping[str, float], components: Mapping[str, Mapping[str, float]]) -> ScoringModel:
        """Return the model whose free weights have these proportions."""
        whole = _share(self._fixed_groups(groups), groups)
        parts = {}
        for group in GROUPS:
            known = self.model.weights.components[group]
            level = _share(self._fixed_components(group, components[group]), components[group])
            parts[group] = {name: level[name] for name in known}
        return self.model.with_weights(WeightProfile.normalised({group: whole[group] for group in GROUPS}, parts))


def _share(fixed: Mapping[str, float], free: Mapping[str, float]) -> dict[str, float]:
    """Return a level: the fixed weights, and the free ones with what they leave, in their proportions."""
    remainder, total = max(0.0, 1.0 - math.fsum(fixed.values())), math.fsum(free.values())
    if total <= 0:
        free, total = dict.fromkeys(free, 1.0), float(len(free))
    return {**fixed, **{name: remainder * value / total for name, value in free.items()}}
