"""The sidecar: the YAML file beside a model file that states what the model reads and how its output becomes a value.

A sidecar is written by the import of a model and is not edited: `seal` is the digest of all other content.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from scoring.bundle.value_links import AffineLink, Link, SigmoidLink
from scoring.errors import ModelError
from scoring.learning.input_catalogue import InputSpec
from scoring.model.model_file import parse_settings
from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import wrap_os_errors

__all__ = [
    "FORMATS",
    "LinkSpec",
    "SelfTest",
    "Sidecar",
    "Training",
    "digest_content",
    "parse_sidecar",
    "place_sidecar",
    "write_sidecar",
]

ModelFormat = Literal["lightgbm", "onnx", "litert"]

FORMATS: Final[dict[str, ModelFormat]] = {".txt": "lightgbm", ".onnx": "onnx", ".tflite": "litert"}
"""Suffix of a model file → its format."""

_ROUNDED: Final = 1e-5
"""Largest difference of a network's output from the sidecar's, relative to the larger of 1 and the output."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _read_number(value: object) -> object:
    return math.nan if value is None else value


Number = Annotated[float, BeforeValidator(_read_number)]
"""A number; null is NaN."""


class LinkSpec(_Part):
    """How an output becomes a value: `affine` from `low` (0) to `high` (100), or `sigmoid`."""

    kind: Literal["affine", "sigmoid"]
    low: float | None = None
    """The 0.1 % quantile of the outputs of the training frame."""
    high: float | None = None
    """The 99.9 % quantile."""

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.kind == "sigmoid":
            if self.low is not None or self.high is not None:
                raise ValueError("a sigmoid link has no `low` and no `high`")
        elif self.low is None or self.high is None or not -math.inf < self.low < self.high < math.inf:
            raise ValueError("an affine link must have finite numbers `low` < `high`")
        elif not math.isfinite(100.0 / (self.high - self.low)):
            raise ValueError("`low` and `high` of an affine link must not be almost equal")
        return self

    def make_link(self, missing: float) -> Link:
        """Return the function. `missing` is the value of NaN."""
        if self.low is None or self.high is None:
            return SigmoidLink(missing=missing)
        return AffineLink(self.low, self.high, missing)


class Training(_Part):
    """What the model was trained on. Weights must be tuned on other users."""

    users: tuple[int, ...] = ()
    """Ids of the users whose rows the frame contains, ascending."""
    cut: datetime | None = None
    """The clock of the inputs. Later actions are the labels."""
    seed: int | None = None
    data: str | None = None
    """Fingerprint of the data up to the cut."""
    rows: Annotated[int, Field(ge=0)] = 0
    positives: Annotated[int, Field(ge=0)] = 0
    frame: str | None = None
    """Digest of the frame's rows and labels."""


class SelfTest(_Part):
    """Rows of the training frame and the outputs that the imported model gave for them."""

    rows: tuple[tuple[Number, ...], ...]
    outputs: tuple[Number, ...]

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if not self.rows or len(self.rows) != len(self.outputs):
            raise ValueError("there must be as many `rows` as `outputs`, and at least one")
        return self


class Sidecar(_Part):
    """The content of a sidecar."""

    format: ModelFormat
    digest: str
    """BLAKE2b digest (32 bytes) of the model file."""
    inputs: tuple[InputSpec, ...] = Field(min_length=1)
    """The columns of the model, in its order."""
    link: LinkSpec
    missing: Annotated[float, Field(ge=0, le=100)] = 0.0
    """The value where the model's output is NaN."""
    training: Training = Training()
    self_test: SelfTest
    seal: str = ""
    """Digest of all other content."""

    @model_validator(mode="after")
    def _check_inputs(self) -> Self:
        names = [spec.name for spec in self.inputs]
        duplicate = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if duplicate is not None:
            raise ValueError(f"duplicate input {duplicate}")
        wrong = next((len(row) for row in self.self_test.rows if len(row) != len(names)), None)
        if wrong is not None:
            raise ValueError(f"a row of `self_test` has {wrong} numbers, and the model has {len(names)} inputs")
        return self

    def compute_seal(self) -> str:
        """Return the digest of all content except `seal`."""
        return digest_content(json.dumps(_make_plain(self), sort_keys=True).encode())

    def find_wrong_output(self, outputs: Any) -> tuple[float, float] | None:
        """Return the first output of the self-test that differs, and the stated one; None if all agree.

        Trees must agree bit for bit. Networks may differ by rounding, because processors and runtime versions do.
        """
        for found, stated in zip([float(value) for value in outputs], self.self_test.outputs, strict=True):
            if math.isnan(found) and math.isnan(stated):
                continue
            limit = 0.0 if self.format == "lightgbm" else _ROUNDED * max(1.0, abs(stated))
            if found != stated and not abs(found - stated) <= limit:
                return found, stated
        return None


def digest_content(content: bytes) -> str:
    """Return the digest of a file's content."""
    return hashlib.blake2b(content, digest_size=32).hexdigest()


def place_sidecar(model_path: Path) -> Path:
    """Return the path of the sidecar of a model file.

    Example
    -------
    >>> place_sidecar(Path("network.onnx")).name
    'network.yaml'
    """
    return model_path.with_suffix(".yaml")


def parse_sidecar(text: str, *, source: str) -> Sidecar:
    """Return the sidecar of a text.

    Parameters
    ----------
    text: The content of the file.
    source: The name of the file, for errors.

    Raises
    ------
    ModelError: If the text is not a valid sidecar, or was changed after it was written.
    """
    sidecar = parse_settings(text, Sidecar, source=source)
    if sidecar.seal != sidecar.compute_seal():
        raise ModelError(
            f"{source}: the content was changed after the import. Import the model again.", key=("seal",), path=source
        )
    return sidecar


def write_sidecar(sidecar: Sidecar, model_path: Path) -> Path:
    """Write the sidecar of a model file, with its seal, and return its path.

    Raises
    ------
    OutputError: If the file cannot be written.
    """
    path = place_sidecar(model_path)
    content = _make_plain(sidecar) | {"seal": sidecar.compute_seal()}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    with wrap_os_errors(path):
        replace_file(path, text.encode())
    return path


def _make_plain(sidecar: Sidecar) -> dict[str, Any]:
    """Return the content without `seal` as JSON values. NaN is None."""
    plain: dict[str, Any] = _replace_nan(sidecar.model_dump(mode="json", exclude={"seal"}, exclude_none=True))
    return plain


def _replace_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _replace_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
