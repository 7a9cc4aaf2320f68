"""A trained model in a bundle: its file, the inputs of all users and jobs, and a digest of its outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Singles, UInt8s
from scoring.bundle.bundle_file import Parts
from scoring.bundle.pair_formulas import PairColumns
from scoring.bundle.tree_masks import TreeMasks

__all__ = ["BundledModel", "Predict"]

Predict = Callable[[Floats], Floats]
"""(p, d) inputs → (p,) outputs."""

_FORMATS: Final = ("lightgbm", "onnx", "litert")
"""By their number in a file."""
_READER: Final = "scoring.learning.bundled_evaluator"
"""It is above this package, so it is imported when a model of a file is evaluated."""


@dataclass(frozen=True, eq=False)
class BundledModel:
    """A function of pairs that a file can contain: the outputs of a trained model.

    Parameters
    ----------
    name: The name of its file, for messages.
    format: `lightgbm`, `onnx` or `litert`.
    content: The file.
    probes: (p, d) rows on which the outputs of a network are compared between machines. Trees need none.
    read_digest: Returns the digest of the outputs of `probes` where the bundle was made; an empty text for trees.
    make_columns: Returns the inputs of all users and jobs.
    own_predict: Computes outputs; None: `content` is read when it is needed.
    own_masks: Returns `masks`; None: `content` is read when they are needed.
    """

    name: str
    format: str
    content: bytes
    probes: Singles
    read_digest: Callable[[], str]
    make_columns: Callable[[], PairColumns]
    own_predict: Predict | None = None
    own_masks: Callable[[], TreeMasks | None] | None = None

    @cached_property
    def masks(self) -> TreeMasks | None:
        """The trees as masks for kernels; None for a network."""
        if self.own_masks is not None:
            return self.own_masks()
        masks: TreeMasks | None = import_module(_READER).make_masks(self)
        return masks

    @cached_property
    def columns(self) -> PairColumns:
        return self.make_columns()

    @cached_property
    def predict(self) -> Predict:
        """Return the function that computes outputs.

        Raises
        ------
        ModelError: If it computes other outputs than where the bundle was made.
        MissingDependencyError: If the runtime is not installed.
        """
        if self.own_predict is not None:
            return self.own_predict
        predict: Predict = import_module(_READER).make_predict(self)
        return predict

    def __call__(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Floats:
        """Return (p,) the outputs for pairs of rows."""
        return self.predict(self.columns.rows(users, jobs))

    def add_to(self, parts: Parts, prefix: str) -> None:
        """Add the model to the parts of a file."""
        parts.numbers[f"{prefix}.format"] = _FORMATS.index(self.format)
        for name, content in (
            ("name", self.name.encode()),
            ("content", self.content),
            ("digest", self.read_digest().encode()),
        ):
            parts.arrays[f"{prefix}.{name}"] = np.frombuffer(content, dtype=np.uint8)
        parts.arrays[f"{prefix}.probes"] = self.probes
        self.columns.add_to(parts, prefix)

    @classmethod
    def of_parts(cls, parts: Parts, prefix: str) -> BundledModel:
        """Return what `add_to` added.

        Raises
        ------
        KeyError: If a part does not exist.
        """
        found = parts.fields(prefix, ("format", "name", "content", "digest", "probes"))
        digest, columns = _to_text(found["digest"]), PairColumns.of_parts(parts, prefix)
        return cls(
            _to_text(found["name"]),
            _FORMATS[found["format"]],
            found["content"].tobytes(),
            found["probes"],
            lambda: digest,
            lambda: columns,
        )


def _to_text(content: UInt8s) -> str:
    return content.tobytes().decode()
