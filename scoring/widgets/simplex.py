"""Weights of one level, which sum to 1: setting one changes the unlocked others in proportion."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from scoring.errors import ConfigurationError

__all__ = ["moved"]


def moved(
    level: str,
    weights: Mapping[str, float],
    name: str,
    value: float,
    locked: Collection[str] = (),
    proportions: Mapping[str, float] | None = None,
) -> tuple[dict[str, float], str]:
    """Return the weights with `name` at `value`, and a sentence if the value was limited, otherwise "".

    Locked weights do not change. The unlocked others share the remainder in their current proportions. If all of them
    are 0, they share it in `proportions`, so a slider that was moved to its end can return. All unlocked weights are
    recomputed from the remainder, so repeated moves do not drift away from the sum 1.

    Raises
    ------
    ConfigurationError: If the name is unknown or locked, the value is not finite, all others are locked, or all
        unlocked others are 0 in `weights` and `proportions`.
    """
    if name not in weights:
        raise ConfigurationError(f"{level} holds no {name!r}; it holds {', '.join(weights)}.")
    if not math.isfinite(value):
        raise ConfigurationError(f"{name} cannot weigh {value}; a weight is a number from 0 to 1.")
    if name in locked:
        raise ConfigurationError(f"{name} is locked; unlock it to move it.")
    others = [other for other in weights if other != name and other not in locked]
    if not others:
        raise ConfigurationError(f"{name} stays: no other weight of {level} is free; unlock one of them.")
    room = max(0.0, 1.0 - math.fsum(weights[other] for other in weights if other != name and other in locked))
    target = min(max(value, 0.0), room)
    if target == weights[name]:
        return dict(weights), _short_of(level, name, value, target)
    if not any(weights.values()) and not any((proportions or {}).values()):
        target = room  # if all weights of the level are 0, this weight takes the whole level
    shares = _shares(level, name, weights, others, proportions or {}, room - target)
    result = {other: weights[other] for other in weights}
    result[name] = target
    result.update({other: (room - target) * share for other, share in shares.items()})
    return result, _short_of(level, name, value, target)


def _shares(
    level: str,
    name: str,
    weights: Mapping[str, float],
    others: Collection[str],
    proportions: Mapping[str, float],
    left: float,
) -> dict[str, float]:
    """Return the shares of the remainder by name. They sum to 1."""
    for known in (weights, proportions):
        total = math.fsum(known.get(other, 0.0) for other in others)
        if total > 0:
            return {other: known.get(other, 0.0) / total for other in others}
    if left > 0:
        raise ConfigurationError(
            f"{name} stays: the free weights of {level} are all 0, and nothing says how they would share; raise one "
            "of them instead."
        )
    return dict.fromkeys(others, 0.0)


def _short_of(level: str, name: str, value: float, target: float) -> str:
    if target == value:
        return ""
    if target > value >= 0:
        return f"{name} has all of {level}, whose weights sum to 1: the others weigh nothing."
    limit = "no weight is below 0" if value < 0 else f"what is locked in {level} leaves no more"
    return f"{name} went to {target:.4g}: {'no weight is above 1' if value > 1 and target == 1 else limit}."
