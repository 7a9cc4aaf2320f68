"""Planted leaks are reported with their values by commands, the Python API, the panel and views of notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from scoring import Dataset, load_model
from scoring.cli.app import app
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.evaluation import Backtest, Evaluator, Holdout, Scoreboard, by_time
from scoring.evaluation.metrics import NDCG
from scoring.synthetic import make_market
from scoring.tuning import Problem, Space, tune
from scoring.widgets import TuningPanel
from scoring.widgets.panel_computation import TuningSession
from tests.support.planted_leaks import PLANTS, plant

ENTRY_POINTS = (
    "evaluate", "evaluate --cuts", "tune", "Holdout", "Evaluator", "Scoreboard", "Tuning", "Backtest", "panel",
    "Holdout in a notebook", "Evaluator in a notebook", "Scoreboard in a notebook", "Tuning in a notebook",
    "panel state in a notebook",
)  # fmt: skip


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    """Return a holdout of a market with all plants."""
    return by_time(plant(Dataset(make_market(700, 2_000, 45_000, seed=2).tables), *PLANTS))


@pytest.fixture(scope="module")
def texts(holdout: Holdout, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return entry point → its text for the planted market."""
    folder = tmp_path_factory.mktemp("leaks")
    data = plant(Dataset(make_market(700, 2_000, 45_000, seed=2).tables), *PLANTS)
    with Database.open(f"sqlite:///{folder / 'market.db'}") as database:
        database.create()
        save_tables(database, data.tables)
    common = ["--db", folder / "market.db", "--factor-cache", folder / "factors", "--profiles", folder / "profiles"]
    trials = ["--trials", 1, "--random-trials", 1, "--no-test", "--storage", folder / "trials"]
    commands = {
        "evaluate": ["evaluate", "standard"],
        "evaluate --cuts": ["evaluate", "standard", "--cuts", 1],
        "tune": ["tune", *trials],
    }
    texts = {}
    for name, command in commands.items():
        done = CliRunner().invoke(app, [str(part) for part in (*command, *common)])
        assert done.exit_code == 0, done.output
        texts[name] = done.stderr
    model = load_model("standard")
    half = len(holdout.user_id) // 2
    train = Evaluator(holdout, users=holdout.user_id[:half], metrics=(NDCG(10),), factor_cache=folder / "factors")
    rest = Evaluator(holdout, users=holdout.user_id[half:], metrics=(NDCG(10),), statistics=train.statistics)
    results = {
        "Holdout": holdout,
        "Evaluator": train,
        "Scoreboard": Scoreboard.of(train, {"standard": model}),
        "Tuning": tune(Problem(Space(model), train), rest, 1),
    }
    for name, result in results.items():
        texts[name] = repr(result)
        texts[f"{name} in a notebook"] = unescape(result._repr_html_())  # type: ignore[attr-defined]
    texts["Backtest"] = repr(Backtest.of(data, {"standard": model}, cuts=1, factor_cache=folder / "factors"))
    panel = TuningPanel(TuningSession(train, model), debounce=0.0)
    state = panel.wait(60.0)
    texts["panel"] = "\n".join(panel.page.document["notes"])
    texts["panel state in a notebook"] = unescape(state._repr_html_())
    panel.close()
    return texts


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
@pytest.mark.parametrize("name", PLANTS)
def test_planted_leak_is_reported_with_its_value(
    holdout: Holdout, texts: Mapping[str, str], entry_point: str, name: str
) -> None:
    assert holdout.agreement is not None
    assert holdout.earlier_actions is not None
    rows = holdout.agreement.set_index("trait")
    if name == "click":
        expected = f"{holdout.earlier_actions.last_hour / holdout.earlier_actions.pairs:.1%} in the hour before it"
        assert holdout.earlier_actions.last_hour == len(holdout.relevance)
    else:
        row = rows.loc[{"occupations": "preferred occupation"}.get(name, name)]
        assert row["suspicious"]
        expected = f"This exceeds the usual change by {row['excess']:.2f} ({row['low']:.2f} to {row['high']:.2f}"
    assert expected in " ".join(texts[entry_point].split())


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_current_rows_are_noted_everywhere(texts: Mapping[str, str], entry_point: str) -> None:
    assert "Rows of users and jobs are as of now" in texts[entry_point]


def test_commands_write_notes_to_files(holdout: Holdout, tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path / 'market.db'}") as database:
        database.create()
        save_tables(database, plant(Dataset(make_market(300, 800, 12_000, seed=2).tables), "click").tables)
    command = ["evaluate", "standard", "--db", tmp_path / "market.db", "--out", tmp_path / "out", "--on", "train"]
    done = CliRunner().invoke(app, [*map(str, command), "--factor-cache", str(tmp_path), "--profiles", str(tmp_path)])
    assert done.exit_code == 0, done.output
    notes = pd.read_csv(tmp_path / "out" / "notes.csv")["note"]
    assert notes.str.contains("100.0% in the hour before it").any()
