"""Evaluators: one interface to trees and to the runtimes of networks, and the check that batches change no bit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats

if TYPE_CHECKING:
    from scoring.learning.input_catalogue import InputSpec

__all__ = ["BATCH_SIZES", "N_PROBES", "Evaluator", "NetworkEvaluator", "digest_outputs", "is_batch_independent"]
__all__ += ["make_probes"]

N_PROBES: Final = 4_096
BATCH_SIZES: Final = (7, 64, 1_000)
_MAX_BATCH: Final = 8_192

Float32s = NDArray[np.float32]
Run = Callable[[Float32s], Float32s]
"""(n, d) float32 → (n, 1) or (n,) float32."""


class Evaluator(Protocol):
    """What computes the outputs of a model."""

    def predict(self, rows: Floats) -> Floats:
        """Return (n,) outputs of rows (n, d). A row has the same output alone and in any batch."""
        ...

    @property
    def probe_digest(self) -> str:
        """Digest of the outputs of the probe rows. It differs where a processor or a runtime computes other bits."""
        ...


@dataclass(eq=False)
class NetworkEvaluator:
    """A network in a runtime. Rows become float32 here.

    At the first use, probe rows run alone and in batches. If a bit moves, the network is evaluated row by row.

    Attributes
    ----------
    run: The runtime. It may be called by several threads.
    probes: (N_PROBES, d) float32.
    """

    run: Run
    probes: Float32s
    _state: dict[str, bool] = field(default_factory=dict)

    @cached_property
    def _checked(self) -> tuple[bool, str]:
        alone = _run_singly(self.run, self.probes)
        return is_batch_independent(self.run, self.probes, alone), digest_outputs(alone)

    @property
    def in_batches(self) -> bool:
        """Whether batches give the same bits as single rows."""
        return self._checked[0]

    @property
    def probe_digest(self) -> str:
        """Digest of the outputs of the probe rows, each evaluated alone."""
        return self._checked[1]

    def predict(self, rows: Floats) -> Floats:
        """Return (n,) float64 outputs of rows (n, d)."""
        with np.errstate(over="ignore"):  # a number beyond float32 is infinite for the runtime
            narrow = np.ascontiguousarray(rows, dtype=np.float32)
        if not len(narrow):
            return np.empty(0)
        if not self.in_batches:
            return _run_singly(self.run, narrow).astype(np.float64)
        parts = [self.run(narrow[first : first + _MAX_BATCH]) for first in range(0, len(narrow), _MAX_BATCH)]
        return np.concatenate([part.reshape(-1) for part in parts]).astype(np.float64)


def _run_singly(run: Run, rows: Float32s) -> Float32s:
    return np.array([run(rows[place : place + 1]).reshape(-1)[0] for place in range(len(rows))], dtype=np.float32)


def is_batch_independent(run: Run, probes: Float32s, alone: Float32s, *, seed: int = 0) -> bool:
    """Return whether probe rows have the bits of `alone` at random places of batches of 7, 64 and 1,000 rows."""
    generator = np.random.default_rng(seed)
    expected = alone.view(np.uint32)
    for size in BATCH_SIZES:
        order = generator.permutation(len(probes))
        for first in range(0, len(order), size):
            rows = order[first : first + size]
            found = np.asarray(run(np.ascontiguousarray(probes[rows])), dtype=np.float32).reshape(-1)
            same = (found.view(np.uint32) == expected[rows]) | (np.isnan(found) & np.isnan(alone[rows]))
            if not same.all():
                return False
    return True


def make_probes(specs: Sequence[InputSpec], rows: Floats, *, n: int = N_PROBES, seed: int = 0) -> Float32s:
    """Return (n, d) float32 rows that vary around given rows, with missing values, zeros and extreme numbers.

    `rows` are those of the self-test. The same arguments give the same probes.
    """
    generator = np.random.default_rng(seed)
    with np.errstate(over="ignore", invalid="ignore"):
        base = np.asarray(rows, dtype=np.float64)[generator.integers(0, len(rows), n)]
        probes = base * generator.lognormal(0.0, 1.0, base.shape)
        for column, spec in enumerate(specs):
            if spec.categories is not None:
                probes[:, column] = generator.integers(0, len(spec.categories) + 1, n)
            probes[generator.random(n) < 0.02, column] = spec.missing
        probes[generator.random(probes.shape) < 0.02] = 0.0
        return probes.astype(np.float32)


def digest_outputs(outputs: Float32s) -> str:
    """Return the digest of outputs. Every NaN counts as the same."""
    bits = np.where(np.isnan(outputs), np.uint32(0x7FC00000), outputs.view(np.uint32))
    return hashlib.blake2b(np.ascontiguousarray(bits).tobytes(), digest_size=16).hexdigest()
