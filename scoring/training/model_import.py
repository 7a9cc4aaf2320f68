"""Import a trained model: check the file, freeze its link, and write the sidecar beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from scoring.argument_checks import is_number
from scoring.array_types import Floats
from scoring.errors import ConfigurationError, ModelError
from scoring.learning.learned_model import LearnedModel, make_evaluator, read_learned_model, read_model_file
from scoring.learning.sidecar import LinkSpec, SelfTest, Sidecar, digest_content, write_sidecar
from scoring.training.training_frame import TrainingFrame

__all__ = ["MAX_CLIPPED", "QUANTILES", "ModelImport", "import_model"]

QUANTILES: Final = (0.001, 0.999)
"""Quantiles of the outputs that become 0 and 100."""
MAX_CLIPPED: Final = 0.01
"""Largest share of the training rows whose value the link may clip to 0 or 100."""
_SELF_TEST_ROWS: Final = 16


@dataclass(frozen=True, eq=False, repr=False)
class ModelImport:
    """An imported model, and its values for the rows of the training frame.

    Attributes
    ----------
    model: the model, as a component reads it.
    sidecar: the path of the written sidecar.
    output, value: (n,) outputs and values of the frame's rows.
    clipped: share of the rows whose value the link clips to 0 or 100.
    missing: share of the rows whose output is NaN.
    """

    model: LearnedModel
    sidecar: Path
    output: Floats
    value: Floats
    clipped: float
    missing: float

    def __repr__(self) -> str:
        link = self.model.sidecar.link
        bounds = "" if link.low is None else f" from {link.low:.6g} (0) to {link.high:.6g} (100)"
        return (
            f"ModelImport({self.model.path.name}: {len(self.model.inputs)} inputs; {link.kind} link{bounds}; "
            f"{self.clipped:.2%} of {len(self.value):,} rows clipped; {self.missing:.2%} without an output)"
        )

    def frame(self) -> pd.DataFrame:
        """Return quantiles of outputs and values: the columns quantile, output and value."""
        quantiles = np.array([0.0, QUANTILES[0], 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, QUANTILES[1], 1.0])
        known = ~np.isnan(self.output)
        return pd.DataFrame(
            {
                "quantile": quantiles,
                "output": np.quantile(self.output[known], quantiles),
                "value": np.quantile(self.value[known], quantiles),
            }
        )


def import_model(
    path: Path | str,
    frame: TrainingFrame,
    *,
    link: Literal["affine", "sigmoid"] = "affine",
    bounds: tuple[float, float] | None = None,
    missing: float = 0.0,
) -> ModelImport:
    """Check a trained model, freeze its link on the training frame, and write the sidecar.

    Parameters
    ----------
    path: The model file: LightGBM's text (.txt), ONNX (.onnx) or TensorFlow Lite (.tflite).
    frame: The rows that the model was trained on.
    link: How outputs become values. `affine`: the 0.1 % quantile of the frame's outputs becomes 0, and the 99.9 %
        quantile 100. `sigmoid`: 100 / (1 + exp(-output)).
    bounds: Outputs that become 0 and 100 instead of the quantiles.
    missing: The value where the output is NaN.

    Raises
    ------
    ModelError: If the file is not a model with the frame's inputs; if its outputs are infinite, or constant; or if the
        link clips more than 1 % of the rows.
    OutputError: If the sidecar cannot be written.

    Example
    -------
    >>> import lightgbm
    >>> rows = scoring.learning.frame(holdout, ["job.wage", "job.age_days"], negatives=50)
    >>> data = lightgbm.Dataset(rows.rows, rows.label, feature_name=rows.names)
    >>> _ = lightgbm.train({"verbose": -1, "min_data_in_leaf": 5}, data, 5).save_model(folder / "new.txt")
    >>> scoring.learning.import_model(folder / "new.txt", rows).model
    LearnedModel(new.txt, lightgbm, 2 inputs)
    """
    path = Path(path)
    if link not in ("affine", "sigmoid"):
        raise ConfigurationError(f"link is {link!r}. Use 'affine' or 'sigmoid'.", key=("link",))
    if not is_number(missing) or not 0 <= missing <= 100:
        raise ConfigurationError(f"missing is {missing!r}. Use a number from 0 to 100.", key=("missing",))
    model_format, content = read_model_file(path)
    sample = _choose_rows(frame)
    trees, evaluator = make_evaluator(path, content, frame.specs, sample)
    predict = trees.predict if evaluator is None else evaluator.predict  # type: ignore[union-attr]
    output = predict(frame.rows)
    known = output[~np.isnan(output)]
    _check_outputs(path, known)
    spec = _make_link(path, known, link, bounds)
    sidecar = Sidecar(
        format=model_format,
        digest=digest_content(content),
        inputs=frame.specs,
        link=spec,
        missing=missing,
        training=frame.training,
        self_test=SelfTest(rows=sample.tolist(), outputs=predict(sample).tolist()),
    )
    value = spec.make_link(missing)(output)
    clipped = _compute_clipped(spec, known, value[~np.isnan(output)])
    if clipped > MAX_CLIPPED:
        raise ModelError(
            f"{path}: the link clips {clipped:.1%} of {len(known):,} rows to 0 or 100; at most {MAX_CLIPPED:.0%} may "
            "be. Omit the bounds, or use the affine link.",
            key=("link",),
            path=str(path),
        )
    if np.ptp(value) == 0:
        raise ModelError(
            f"{path}: the value is {value[0]:g} for all {len(value):,} rows, so it cannot order jobs. Use another link "
            "or train another model.",
            key=("link",),
            path=str(path),
        )
    written = write_sidecar(sidecar, path)
    return ModelImport(
        model=read_learned_model(path),
        sidecar=written,
        output=output,
        value=value,
        clipped=clipped,
        missing=1.0 - len(known) / len(output),
    )


def _choose_rows(frame: TrainingFrame) -> Floats:
    """Return rows of the self-test: evenly spaced, so that they have several users and jobs."""
    places = np.unique(np.linspace(0, len(frame) - 1, _SELF_TEST_ROWS).astype(np.int64))
    return frame.rows[places]


def _check_outputs(path: Path, known: Floats) -> None:
    if not len(known):
        raise ModelError(
            f"{path}: the output is NaN for every row of the frame. A network cannot read NaN: give `missing` a number "
            "when the frame is made.",
            key=("missing",),
            path=str(path),
        )
    if np.isinf(known).any():
        raise ModelError(
            f"{path}: the output is infinite for {int(np.isinf(known).sum()):,} of {len(known):,} rows. Train a model "
            "with finite outputs.",
            path=str(path),
        )
    if np.ptp(known) == 0:
        raise ModelError(
            f"{path}: the output is {known[0]:g} for all {len(known):,} rows, so it cannot order jobs. Train another "
            "model.",
            key=("constant",),
            path=str(path),
        )


def _make_link(path: Path, known: Floats, link: str, bounds: tuple[float, float] | None) -> LinkSpec:
    if link == "sigmoid":
        if bounds is not None:
            raise ConfigurationError("A sigmoid link has no bounds. Omit `bounds`, or use 'affine'.", key=("bounds",))
        return LinkSpec(kind="sigmoid")
    low, high = np.quantile(known, QUANTILES).tolist() if bounds is None else map(float, bounds)
    if bounds is None and low == high:  # nearly all rows have one output
        raise ModelError(
            f"{path}: {np.mean(known == low):.1%} of {len(known):,} rows have the output {low:g}, so it cannot order "
            "jobs. Train another model.",
            key=("constant",),
            path=str(path),
        )
    if not low < high:
        raise ConfigurationError(f"bounds are ({low:g}, {high:g}). The first must be lower.", key=("bounds",))
    return LinkSpec(kind="affine", low=low, high=high)


def _compute_clipped(spec: LinkSpec, known: Floats, value: Floats) -> float:
    if spec.low is None or spec.high is None:
        return float(np.mean((value == 0.0) | (value == 100.0)))
    return float(np.mean((known < spec.low) | (known > spec.high)))
