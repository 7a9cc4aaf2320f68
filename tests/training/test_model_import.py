"""Import of models: the frozen link, the written sidecar, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from scoring.errors import ConfigurationError, ModelError
from scoring.learning.learned_model import read_learned_model
from scoring.learning.sidecar import place_sidecar
from scoring.training import TrainingFrame, import_model
from tests.learning.model_files import NAMES, make_content, make_specs_of
from tests.learning.network_files import make_onnx, random_layers

SUFFIXES = (".txt", ".onnx", ".tflite")


def make_frame(n: int = 3_000, seed: int = 1) -> TrainingFrame:
    generator = np.random.default_rng(seed)
    return TrainingFrame(
        specs=make_specs_of(),
        rows=generator.normal(size=(n, len(NAMES))),
        label=(generator.random(n) < 0.1).astype(float),
        user_id=np.repeat(np.arange(n // 10), 10),
        job_id=np.tile(np.arange(10), n // 10),
        cut=datetime(2026, 1, 1, tzinfo=UTC),
        seed=3,
        data="fingerprint",
    )


def write(path: Path, content: bytes | None = None) -> Path:
    path.write_bytes(make_content(path.suffix) if content is None else content)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_quantiles_become_0_and_100(tmp_path: Path, suffix: str) -> None:
    frame = make_frame()
    found = import_model(write(tmp_path / f"model{suffix}"), frame)
    low, high = np.quantile(found.output, [0.001, 0.999])
    link = found.model.sidecar.link
    assert (link.kind, link.low, link.high) == ("affine", low, high)
    assert (found.value.min(), found.value.max()) == (0.0, 100.0)
    assert found.clipped <= 0.003
    assert found.clipped > 0 or suffix == ".txt"  # many rows share the outputs of a few leaves
    assert found.clipped == np.mean((found.output < low) | (found.output > high))
    assert found.missing == 0
    assert "clipped" in repr(found)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_component_reads_the_same_values(tmp_path: Path, suffix: str) -> None:
    frame = make_frame()
    path = write(tmp_path / f"model{suffix}")
    found = import_model(path, frame)
    model = read_learned_model(path)
    np.testing.assert_array_equal(model.link(model.predict(frame.rows)), found.value)
    assert model.sidecar.training == frame.training
    assert model.digest == found.model.digest


def test_sigmoid_link_has_no_bounds(tmp_path: Path) -> None:
    found = import_model(write(tmp_path / "model.txt"), make_frame(), link="sigmoid")
    assert found.model.sidecar.link.kind == "sigmoid"
    np.testing.assert_allclose(found.value, 100 / (1 + np.exp(-found.output)), rtol=1e-12)
    assert found.clipped == 0
    with pytest.raises(ConfigurationError):
        import_model(tmp_path / "model.txt", make_frame(), link="sigmoid", bounds=(0.0, 1.0))


def test_more_than_one_percent_clipped_is_refused(tmp_path: Path) -> None:
    """Outputs × 100 with clipping: most values of this model are 0 or 100."""
    path = write(tmp_path / "model.txt")
    with pytest.raises(ModelError) as raised:
        import_model(path, make_frame(), bounds=(0.0, 1.0))
    assert raised.value.key == ("link",)
    assert not place_sidecar(path).exists()


def test_wide_bounds_are_frozen(tmp_path: Path) -> None:
    found = import_model(write(tmp_path / "model.txt"), make_frame(), bounds=(-50.0, 50.0))
    assert (found.model.sidecar.link.low, found.model.sidecar.link.high) == (-50.0, 50.0)
    assert found.clipped == 0


def test_constant_model_is_refused(tmp_path: Path) -> None:
    layers = [(weights * 0, bias) for weights, bias in random_layers(len(NAMES), (4, 1), 0)]
    path = write(tmp_path / "model.onnx", make_onnx(layers))
    with pytest.raises(ModelError) as raised:
        import_model(path, make_frame())
    assert raised.value.key == ("constant",)
    assert not place_sidecar(path).exists()


def test_nearly_constant_model_is_refused(tmp_path: Path) -> None:
    """One row in 3,000 has another output: both quantiles are equal."""
    weights = np.array([[0.0], [0.0], [1.0]], dtype=np.float32)
    path = write(tmp_path / "model.onnx", make_onnx([(weights, np.zeros(1, dtype=np.float32))]))
    frame = make_frame()
    frame.rows[:, 2] = 0.0
    frame.rows[5, 2] = 1.0
    with pytest.raises(ModelError) as raised:
        import_model(path, frame)
    assert raised.value.key == ("constant",)


def test_missing_outputs_are_counted(tmp_path: Path) -> None:
    frame = make_frame()
    frame.rows[:30, 0] = np.nan
    found = import_model(write(tmp_path / "model.onnx"), frame, missing=12.5)
    assert found.missing == pytest.approx(0.01)
    np.testing.assert_array_equal(found.value[:30], 12.5)
    assert np.isnan(found.model.predict(frame.rows[:30])).all()


def test_only_missing_outputs_are_refused(tmp_path: Path) -> None:
    frame = make_frame()
    frame.rows[:, 0] = np.nan
    with pytest.raises(ModelError) as raised:
        import_model(write(tmp_path / "model.onnx"), frame)
    assert raised.value.key == ("missing",)


def test_infinite_outputs_are_refused(tmp_path: Path) -> None:
    frame = make_frame()
    frame.rows[7, 0] = 1e300
    with pytest.raises(ModelError):
        import_model(write(tmp_path / "model.onnx", make_onnx(random_layers(len(NAMES), (1,), 0))), frame)


@pytest.mark.parametrize("settings", [{"link": "log"}, {"missing": 101}, {"missing": float("nan")}, {"bounds": (1, 0)}])
def test_invalid_settings_are_refused(tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        import_model(write(tmp_path / "model.txt"), make_frame(), **settings)  # type: ignore[arg-type]


def test_quantiles_of_outputs_are_a_frame(tmp_path: Path) -> None:
    found = import_model(write(tmp_path / "model.txt"), make_frame()).frame()
    assert list(found.columns) == ["quantile", "output", "value"]
    assert (np.diff(found["value"]) >= 0).all()
