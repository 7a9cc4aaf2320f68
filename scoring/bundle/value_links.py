"""Links: non-decreasing functions from the sum of a component's terms to a value from 0 to 100.

The operations are additions, products, quotients and floors of float64, and scaling by powers of two. Each of them has
one correct result, so every processor and every backend computes the same bits. The functions for kernels in
`scoring.backends.numba.linked_value` have the same operations in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.array_types import Floats

__all__ = [
    "AFFINE",
    "EXP_COEFFICIENTS",
    "LN2_HIGH",
    "LN2_LOW",
    "LOG2_E",
    "SIGMOID",
    "AffineLink",
    "Link",
    "SigmoidLink",
]
__all__ += ["LARGEST_EXPONENT", "SLACK", "apply_link", "bound_link"]

AFFINE, SIGMOID = 1, 2
"""Codes in `Program.link`; 0: no link."""

LARGEST_EXPONENT: Final = 700.0
"""The sigmoid is 0 or 1 in float64 long before this exponent."""
LOG2_E: Final = 1.4426950408889634
LN2_HIGH: Final = 6.93147180369123816490e-01
"""The leading 32 bits of log(2): its products with integers up to 2,047 are exact (fdlibm, `e_exp.c`)."""
LN2_LOW: Final = 1.90821492927058770002e-10
EXP_COEFFICIENTS: Final = tuple(
    1.0 / factorial for factorial in np.cumprod(np.r_[1.0, np.arange(1.0, 14.0)])[::-1].tolist()
)
"""Taylor coefficients of exp from degree 13 to 0. Up to log(2) / 2, the rest is less than 2^-57."""
SLACK: Final = 2.0**-40
"""Relative slack of a bound. The error of a computed sigmoid is less than 2^-48, and the sigmoid does not decrease."""


@dataclass(frozen=True)
class AffineLink:
    """0 at `low`, 100 at `high`, linear between, constant outside; `missing` for NaN.

    Example
    -------
    >>> AffineLink(-1.0, 3.0)(np.array([-2.0, 0.0, 4.0, np.nan])).tolist()
    [0.0, 25.0, 100.0, 0.0]
    """

    low: float
    high: float
    missing: float = 0.0

    @property
    def code(self) -> int:
        return AFFINE

    @property
    def parameters(self) -> tuple[float, float, float]:
        """Origin, factor and value of a missing sum: the columns of `Program.link`."""
        width = self.high - self.low
        return self.low, 100.0 / width if width else np.inf, self.missing

    def __call__(self, raw: Floats) -> Floats:
        """Return the values (…) of sums (…)."""
        return apply_link(self.code, self.parameters, raw)


@dataclass(frozen=True)
class SigmoidLink:
    """`100 / (1 + exp(-slope * raw))`; `missing` for NaN. `slope` > 0.

    Example
    -------
    >>> SigmoidLink()(np.array([-np.inf, 0.0, np.nan])).round(9).tolist()
    [0.0, 50.0, 0.0]
    """

    slope: float = 1.0
    missing: float = 0.0

    @property
    def code(self) -> int:
        return SIGMOID

    @property
    def parameters(self) -> tuple[float, float, float]:
        """Origin, factor and value of a missing sum: the columns of `Program.link`."""
        return 0.0, self.slope, self.missing

    def __call__(self, raw: Floats) -> Floats:
        """Return the values (…) of sums (…)."""
        return apply_link(self.code, self.parameters, raw)


Link = AffineLink | SigmoidLink
"""A function from the sum of a component's terms to its value."""


def apply_link(code: float, parameters: tuple[float, float, float] | Floats, raw: Floats) -> Floats:
    """Return the values of sums under the link with this code and these parameters."""
    origin, factor, missing = (float(parameter) for parameter in parameters)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (raw - origin) * factor
    if code == AFFINE:
        value = np.clip(scaled, 0.0, 100.0) + 0.0  # -0.0 becomes 0.0
    else:
        value = 100.0 / (1.0 + _exp(-np.clip(scaled, -LARGEST_EXPONENT, LARGEST_EXPONENT)))
    return np.where(np.isnan(scaled), missing, value)


def bound_link(
    code: float, parameters: tuple[float, float, float] | Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Return bounds of the values of sums from `low` to `high`, which are not NaN."""
    bounds = apply_link(code, parameters, low), apply_link(code, parameters, high)
    if code == AFFINE:  # each operation is non-decreasing, also after rounding
        return bounds
    return bounds[0] * (1.0 - SLACK), np.minimum(bounds[1] * (1.0 + SLACK), 100.0)


def _exp(x: Floats) -> Floats:
    """Return exp(x) for x from -700 to 700, not NaN (NaN gives any value)."""
    x = np.where(np.isnan(x), 0.0, x)
    n = np.floor(x * LOG2_E + 0.5)
    rest = (x - n * LN2_HIGH) - n * LN2_LOW
    result = np.full(rest.shape, EXP_COEFFICIENTS[0])
    for coefficient in EXP_COEFFICIENTS[1:]:
        result = result * rest + coefficient
    return np.ldexp(result, n.astype(np.int64))
