"""Features of an extra that is not installed end with one sentence that names the command."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scoring import widgets
from scoring.cli.app import app
from scoring.database.database import Database
from scoring.errors import MissingDependencyError
from scoring.optional_dependencies import require
from scoring.profiling import line_times
from tests.support.errors import raises_with


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Make Python behave as if a package were not installed."""
    monkeypatch.setitem(sys.modules, package, None)


def test_require_accepts_installed_packages():
    require("Ranking", "workbench", "numpy", "pandas")


@pytest.mark.parametrize("package", ["ipywidgets", "anywidget"])
def test_panel_without_widgets_names_the_extra(monkeypatch: pytest.MonkeyPatch, package: str):
    hide(monkeypatch, package)
    with pytest.raises(MissingDependencyError) as caught:
        widgets.tuning_panel  # noqa: B018 - imported on first access
    assert str(caught.value) == (
        f"The tuning panel requires {package}, which is not installed. "
        "Install it with: pip install 'scoring[workbench]'"
    )


def test_line_profile_without_profiler_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    hide(monkeypatch, "line_profiler")
    with raises_with(MissingDependencyError, package="line_profiler", extra="workbench"):
        line_times.line_profile(None, None)


@pytest.mark.parametrize("command", ["lab", "panel"])
def test_servers_without_jupyter_name_the_extra(monkeypatch: pytest.MonkeyPatch, command: str):
    package = "jupyterlab" if command == "lab" else "voila"
    hide(monkeypatch, package)
    result = CliRunner().invoke(app, [command])
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"scoring {command} requires {package}" in result.stderr
    assert "pip install 'scoring[workbench]'" in result.stderr


@pytest.mark.parametrize("command", ["evaluate", "tune"])
def test_mlflow_option_without_mlflow_names_the_extra(monkeypatch: pytest.MonkeyPatch, command: str, tmp_path: Path):
    """The option is checked before the database is opened."""
    hide(monkeypatch, "mlflow")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [command, "--mlflow", "runs", "--db", "missing.db"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: --mlflow requires mlflow, which is not installed. Install it with: pip install 'scoring[mlflow]'\n"
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("distributed", ("run", "--cluster", "local:2")),
        ("cryptography", ("run", "--cluster", "tls://127.0.0.1:1")),
        ("distributed", ("cluster", "scheduler")),
        ("distributed", ("cluster", "worker", "tls://127.0.0.1:1")),
        ("cryptography", ("cluster", "certificates", "--out", "certificates")),
        ("distributed", ("cluster", "check", "tls://127.0.0.1:1")),
    ],
)
def test_cluster_without_its_extra_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str, command: tuple[str, ...]
):
    hide(monkeypatch, package)
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    with Database.open("data/market.db") as database:
        database.create()
    done = CliRunner().invoke(app, list(command))
    assert done.exit_code == 1
    assert f"requires {package}" in done.stderr
    assert "pip install 'scoring[cluster]'" in done.stderr
    assert not Path("certificates").exists()
