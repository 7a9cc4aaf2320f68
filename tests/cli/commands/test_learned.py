"""`scoring learned frame` and `scoring learned import`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scoring.learning.learned_model import read_learned_model
from scoring.training import TrainingFrame, import_model
from tests.cli.command import Call, error_line
from tests.learning.model_files import make_trees
from tests.learning.network_files import make_onnx, random_layers

NAMES = ("job.fee", "job.wage", "pair.place")
INPUTS = [word for name in NAMES for word in ("--input", name)]


@pytest.fixture(scope="module")
def frame(action_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a frame."""
    from typer.testing import CliRunner

    from scoring.cli.app import app

    path = tmp_path_factory.mktemp("frame") / "frame.parquet"
    given = ["learned", "frame", "--db", str(action_folder / "market.db"), "--days", "30", "--out", str(path)]
    done = CliRunner().invoke(app, [*given, *INPUTS, "--missing", "0", "--negatives", "20", "--seed", "1"])
    assert done.exit_code == 0, done.output
    assert str(path) in done.output
    return path


def test_frame_has_the_given_inputs_and_training_users(frame: Path) -> None:
    found = TrainingFrame.load(frame)
    assert found.names == list(NAMES)
    assert found.n_positives > 0
    assert found.seed == 1


def test_import_writes_the_sidecar(scoring: Call, frame: Path, tmp_path: Path) -> None:
    model = tmp_path / "own.txt"
    model.write_bytes(make_trees(NAMES))
    done = scoring("learned", "import", model, "--frame", frame, "--low", "-100", "--high", "100")
    assert done.exit_code == 0, done.output
    assert "clipped: 0.00%" in done.output
    assert read_learned_model(model).sidecar.training == TrainingFrame.load(frame).training


def test_clipped_share_is_an_error(scoring: Call, frame: Path, tmp_path: Path) -> None:
    model = tmp_path / "own.onnx"
    model.write_bytes(make_onnx(random_layers(len(NAMES), (4, 1), 0)))
    done = scoring("learned", "import", model, "--frame", frame, "--low", "0", "--high", "0.001")
    assert "own.onnx" in error_line(done, 1)
    assert not (tmp_path / "own.yaml").exists()


def test_one_bound_is_an_error(scoring: Call, frame: Path, tmp_path: Path) -> None:
    assert error_line(scoring("learned", "import", tmp_path / "own.txt", "--frame", frame, "--low", "0"), 2)


def test_missing_files_are_errors(scoring: Call, frame: Path, tmp_path: Path) -> None:
    assert "own.txt" in error_line(scoring("learned", "import", tmp_path / "own.txt", "--frame", frame), 1)
    (tmp_path / "own.txt").write_bytes(make_trees(NAMES))
    absent = tmp_path / "absent.parquet"
    assert "absent.parquet" in error_line(scoring("learned", "import", tmp_path / "own.txt", "--frame", absent), 1)


def test_unknown_input_is_an_error(scoring: Call, action_folder: Path, tmp_path: Path) -> None:
    given = ("--db", action_folder / "market.db", "--out", tmp_path / "x.parquet", "--input", "job.wag")
    assert "job.wag" in error_line(scoring("learned", "frame", *given), 1)


def test_rows_follow_the_rules_of_the_model(scoring: Call, action_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    given = ("--db", action_folder / "market.db", "--days", 30, "--input", "job.fee", "--negatives", 20)
    fees = []
    for more in ((), ("--model", tmp_path / "rules.yaml")):
        done = scoring("learned", "frame", *given, "--out", tmp_path / "rows.parquet", *more)
        assert done.exit_code == 0, done.output
        fees.append(TrainingFrame.load(tmp_path / "rows.parquet").rows[:, 0])
    assert "rules of the model only_paid" in done.output
    assert "positive rows, so a model of them is mostly chance" in done.output
    assert np.nanmin(fees[0]) < 2_000 <= fees[1].min()


RULES = """
name: only_paid
groups: {base: {weight: 1, components: {wage: {weight: 1}}}}
eligibility: {min_fee: 2000}
"""
MODEL = """
name: with_own
groups:
  base:
    weight: 1
    components:
      wage: {weight: 1}
      fee: {weight: 1}
      own: {component: learned, model: own.txt, weight: 1}
normalise: true
"""


def test_users_of_the_model_are_left_out_of_a_search(
    action_command: Call, action_folder: Path, frame: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.txt").write_bytes(make_trees(NAMES[:2]))
    found = TrainingFrame.load(frame)
    part = replace(found, specs=found.specs[:2], rows=found.rows[:, :2])
    import_model(tmp_path / "own.txt", part)
    (tmp_path / "model.yaml").write_text(MODEL)
    given = ("--days", 30, "--seed", 1)
    done = action_command("tune", "--model", tmp_path / "model.yaml", *given, "--trials", 2, "--random-trials", 2)
    assert done.exit_code == 0, done.output
    assert f"left out: {len(found.users)} training users" in done.output
    done = action_command("evaluate", tmp_path / "model.yaml", *given, "--on", "train")
    assert done.exit_code == 0, done.output
    assert f"{len(found.users)} of these" in done.output
    done = action_command("evaluate", tmp_path / "model.yaml", *given, "--on", "train", "--exclude-fitted")
    assert f"excluded: {len(found.users)} users" in done.output
