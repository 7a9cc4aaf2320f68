"""Weights of one level, which sum to 1: setting one changes the unlocked others in proportion."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from scoring.errors import ConfigurationError

__all__ = ["move_weight"]


def move_weight(
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
        raise ConfigurationError(f"{name!r} is not in {level}. Use one of: {', '.join(weights)}.", key=(name,))
    if not math.isfinite(value):
        raise ConfigurationError(f"The weight of {name} cannot be {value}. Use a number from 0 to 1.", key=(name,))
    if name in locked:
        raise ConfigurationError(f"{name} is locked. Unlock it to change its weight.", key=(name,))
    unlocked = [other for other in weights if other != name and other not in locked]
    if not unlocked:
        raise ConfigurationError(
            f"The weight of {name} cannot change: all other weights of {level} are locked. Unlock one of them.",
            key=(name,),
        )
    available = max(0.0, 1.0 - math.fsum(weights[other] for other in weights if other != name and other in locked))
    target = min(max(value, 0.0), available)
    if target == weights[name]:
        return dict(weights), _limit_note(level, name, value, target)
    if not any(weights.values()) and not any((proportions or {}).values()):
        target = available  # if all weights of the level are 0, this weight takes the whole level
    shares = _compute_shares(level, name, weights, unlocked, proportions or {}, available - target)
    result = {other: weights[other] for other in weights}
    result[name] = target
    result.update({other: (available - target) * share for other, share in shares.items()})
    return result, _limit_note(level, name, value, target)


def _compute_shares(
    level: str,
    name: str,
    weights: Mapping[str, float],
    unlocked: Collection[str],
    proportions: Mapping[str, float],
    remainder: float,
) -> dict[str, float]:
    """Return the shares of the remainder by name. They sum to 1."""
    for known in (weights, proportions):
        total = math.fsum(known.get(other, 0.0) for other in unlocked)
        if total > 0:
            return {other: known.get(other, 0.0) / total for other in unlocked}
    if remainder > 0:
        raise ConfigurationError(
            f"The weight of {name} cannot change: all other unlocked weights of {level} are 0, and the remainder "
            "cannot be divided among them. Increase one of them instead.",
            key=(name,),
        )
    return dict.fromkeys(unlocked, 0.0)


def _limit_note(level: str, name: str, value: float, target: float) -> str:
    if target == value:
        return ""
    if target > value >= 0:
        return f"{name} gets the whole weight of {level}, because all other weights are 0."
    limit = "weights are at least 0" if value < 0 else f"the locked weights of {level} leave no more"
    return f"{name} was limited to {target:.4g}: {'weights are at most 1' if value > 1 and target == 1 else limit}."
