"""Read a trained model and its sidecar. The file is read once; a later change on disk has no effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from scoring.array_types import Floats
from scoring.bundle.bundled_model import BundledModel
from scoring.bundle.pair_formulas import PairColumns
from scoring.bundle.value_links import Link
from scoring.errors import ModelError
from scoring.learning.evaluator import Evaluator, NetworkEvaluator, make_probes
from scoring.learning.input_catalogue import InputSpec
from scoring.learning.lightgbm_text import parse_lightgbm
from scoring.learning.sidecar import FORMATS, ModelFormat, Sidecar, digest_content, parse_sidecar, place_sidecar
from scoring.learning.tree_ensemble import TreeEnsemble
from scoring.storage.os_errors import describe_os_error
from scoring.storage.regular_file_reader import read_plain_file

__all__ = ["MAX_BYTES", "LearnedModel", "find_format", "make_evaluator", "read_learned_model", "read_model_file"]

MAX_BYTES: Final = 64 * 1024 * 1024
"""Largest model file."""


@dataclass(frozen=True, eq=False)
class LearnedModel:
    """A model that passed all checks: digest, inputs and self-test."""

    path: Path
    sidecar: Sidecar
    content: bytes
    """The model file, as it was read."""
    trees: TreeEnsemble | None
    """The trees; None for a network."""
    evaluator: Evaluator | None
    """The network in its runtime; None for trees."""

    def __repr__(self) -> str:
        return f"LearnedModel({self.path.name}, {self.format}, {len(self.inputs)} inputs)"

    @property
    def format(self) -> ModelFormat:
        return self.sidecar.format

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """The columns of the model, in its order."""
        return self.sidecar.inputs

    @cached_property
    def digest(self) -> str:
        """Digest of the model file and the sidecar."""
        return digest_content(f"{self.sidecar.digest} {self.sidecar.seal}".encode())[:32]

    @property
    def probe_digest(self) -> str:
        """Digest of a network's outputs on this processor with this runtime; empty for trees, whose bits are fixed."""
        return "" if self.evaluator is None else self.evaluator.probe_digest

    @cached_property
    def link(self) -> Link:
        """The function from an output to a value from 0 to 100."""
        return self.sidecar.link.make_link(self.sidecar.missing)

    def predict(self, rows: Floats) -> Floats:
        """Return the outputs (n,) of rows (n, d), in the order of `inputs`."""
        return (self.trees if self.evaluator is None else self.evaluator).predict(rows)  # type: ignore[union-attr]

    def bundle(self, make_columns: Callable[[], PairColumns]) -> BundledModel:
        """Return the model as a function of pairs that a bundle can contain. `make_columns` returns its inputs."""
        network = self.evaluator
        probes = network.probes if isinstance(network, NetworkEvaluator) else np.empty((0, 0), dtype=np.float32)
        return BundledModel(
            self.path.name,
            self.format,
            self.content,
            probes,
            lambda: self.probe_digest,
            make_columns,
            self.predict,
            lambda: None if self.trees is None else self.trees.masks,
        )


def read_learned_model(path: Path) -> LearnedModel:
    """Return the model of a file. The sidecar is beside it.

    Raises
    ------
    ModelError: If a file is missing, is a link, is too large, was changed, or is not a model of its format; or if the
        model does not have the sidecar's inputs, or gives other outputs in the self-test.
    MissingDependencyError: If the runtime of a network is not installed.
    """
    model_format, content = read_model_file(path)
    sidecar = _read_sidecar(path)
    if sidecar.format != model_format:
        problem = f"the sidecar is of a model in format {sidecar.format}, and the suffix means {model_format}"
        raise ModelError(f"{path}: {problem}. Import the model again.", key=("format",), path=str(path))
    if digest_content(content) != sidecar.digest:
        raise ModelError(
            f"{path}: the file is not the one that was imported: it was changed, cut off or replaced. Restore it, or "
            "import it again.",
            key=("digest",),
            path=str(path),
        )
    rows = np.array(sidecar.self_test.rows, dtype=np.float64).reshape(-1, len(sidecar.inputs))
    trees, evaluator = make_evaluator(path, content, sidecar.inputs, rows)
    model = LearnedModel(path, sidecar, content, trees, evaluator)
    wrong = sidecar.find_wrong_output(model.predict(rows))
    if wrong is not None:
        raise ModelError(
            f"{path}: the self-test gives {wrong[0]!r} instead of {wrong[1]!r}. Use the version of the runtime that "
            "the model was imported with, or import it again.",
            key=("self_test",),
            path=str(path),
        )
    return model


def find_format(path: Path) -> ModelFormat:
    """Return the format that the suffix of a model file means.

    Raises
    ------
    ModelError: If the suffix is unknown.
    """
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        known = ", ".join(f"{suffix} ({name})" for suffix, name in FORMATS.items())
        raise ModelError(
            f"{path}: unknown suffix {path.suffix!r} of a model file. Use one of: {known}.", path=str(path)
        )
    return found


def read_model_file(path: Path) -> tuple[ModelFormat, bytes]:
    """Return the format and the content of a model file. Raise ModelError if it cannot be read."""
    return find_format(path), _read(path, "model file")


def _read_sidecar(model_path: Path) -> Sidecar:
    path = place_sidecar(model_path)
    try:
        text = _read(path, f"sidecar of {model_path.name}").decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: the sidecar is not UTF-8 text. Import the model again.", path=str(path)) from error
    return parse_sidecar(text, source=str(path))


def _read(path: Path, what: str) -> bytes:
    try:
        if path.is_symlink():
            raise ModelError(f"{path}: the {what} is a link. Use a regular file.", path=str(path))
        return read_plain_file(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        reason = describe_os_error(error) if isinstance(error, OSError) else str(error)
        raise ModelError(
            f"{path}: the {what} cannot be read: {reason}. Give a regular file.", path=str(path)
        ) from error


def make_evaluator(
    path: Path, content: bytes, specs: tuple[InputSpec, ...], rows: Floats
) -> tuple[TreeEnsemble | None, Evaluator | None]:
    """Return the trees or the network of a model file with these inputs. `rows` are those of the self-test.

    Raises
    ------
    ModelError: If the content is not a model of its format with these inputs.
    MissingDependencyError: If the runtime is not installed.
    """
    model_format = find_format(path)
    if model_format == "lightgbm":
        trees = parse_lightgbm(content, source=str(path))
        _check_tree_inputs(path, trees, specs)
        return trees, None
    probes = make_probes(specs, rows)
    if model_format == "onnx":
        from scoring.learning.onnx_evaluator import make_onnx_evaluator

        return None, make_onnx_evaluator(path, content, probes)
    from scoring.learning.litert_evaluator import make_litert_evaluator

    return None, make_litert_evaluator(path, content, probes)


def _check_tree_inputs(path: Path, trees: TreeEnsemble, specs: tuple[InputSpec, ...]) -> None:
    if trees.n_features != len(specs):
        raise ModelError(
            f"{path}: the model has {trees.n_features} inputs, and the sidecar states {len(specs)}. Import it with the "
            "inputs that it was trained on.",
            key=("inputs",),
            path=str(path),
        )
    for place, (found, spec) in enumerate(zip(trees.feature_names, specs, strict=True)):
        if found not in (spec.name, f"Column_{place}"):
            raise ModelError(
                f"{path}: input {place + 1} is {found!r} in the model and {spec.name!r} in the sidecar. Import it with "
                "the inputs that it was trained on.",
                key=("inputs", spec.name),
                path=str(path),
            )
