"""Option --mlflow: the run that `evaluate` and `tune` log, and the store that it is logged to."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

import typer

from scoring.cli.output_failures import note_stored
from scoring.optional_dependencies import require

if TYPE_CHECKING:
    import pandas as pd

    from scoring.cli.progress import Progress
    from scoring.evaluation import Backtest
    from scoring.model import ScoringModel

__all__ = ["MetricValue", "MlflowOption", "MlflowRun", "MlflowStore", "cut_metrics", "list_metrics", "name_digests"]

MlflowOption = Annotated[
    str | None,
    typer.Option(
        "--mlflow",
        metavar="URI|DIR",
        help="Log the result as a run to this MLflow tracking server, database or folder. Requires the extra mlflow.",
    ),
]

_SCHEMES: Final = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
_SETTINGS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # MLflow would report its use to its makers
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # MLflow's defaults let a command wait minutes for a server that is down
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_SQLALCHEMYSTORE_MAX_RETRIES": "2",
}
"""Settings of MLflow unless the environment has other values."""

_LONGEST: Final = 6_000
"""Maximum length of a parameter in MLflow."""


def _read_clock() -> int:
    return int(time.time() * 1000)


class MetricValue(NamedTuple):
    """A value of a metric of MLflow. The values of a metric by step are a line in MLflow's charts."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class MlflowRun:
    """What a run contains besides the name of the command and the version of the code.

    It must not contain ids of users.
    """

    command: str
    name: str
    params: Mapping[str, object]
    tags: Mapping[str, object]
    metrics: Sequence[MetricValue]
    write_files: Callable[[Path], None]
    """Writes the tables and plots to a folder, as --out."""


@dataclass(frozen=True)
class MlflowStore:
    """The value of --mlflow."""

    uri: str
    label: str
    """The value for messages, without passwords."""
    secrets: tuple[str, ...] = ()
    folder: Path | None = None
    """None: a server or a database."""
    started_at: int = field(default_factory=_read_clock)
    """Start of the command, in milliseconds."""

    @classmethod
    def open(cls, option: str | None, progress: Progress) -> Self | None:
        """Return the store of the option, as `parse`. Print a warning if its server does not answer."""
        store = cls.parse(option)
        if store is not None:
            store.warn_if_unreachable(progress)
        return store

    @classmethod
    def parse(cls, option: str | None) -> Self | None:
        """Return the store of the option; None without the option. The server is not contacted.

        A folder is created. It contains a SQLite database and the files of the runs.

        Raises
        ------
        MissingDependencyError: If MLflow is not installed.
        ConfigurationError: If the URI is invalid.
        OutputError: If the folder cannot be written.
        """
        if option is None:
            return None
        require("--mlflow", "mlflow", "mlflow")
        if "://" in option or option.startswith("file:") or option == "databricks":
            return cls._parse_uri(option)
        from sqlalchemy import URL

        from scoring.cli.result_export import create_folder
        from scoring.errors import ConfigurationError

        folder = Path(option)
        create_folder(folder)
        if next(folder.glob("*/meta.yaml"), None) is not None:
            raise ConfigurationError(
                f"--mlflow {option}: the folder contains runs as files, which MLflow no longer writes. Use another "
                "folder, or convert it with `mlflow migrate-filestore`.",
                key=("--mlflow",),
                path=option,
            )
        url = URL.create("sqlite", database=str(folder.resolve() / "mlflow.db"))
        return cls(url.render_as_string(), option, folder=folder.resolve())

    @classmethod
    def _parse_uri(cls, option: str) -> Self:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        from scoring.database.engines import format_url, list_secrets
        from scoring.errors import ConfigurationError

        if option == "databricks":
            return cls(option, option)
        advice = "Use a URI such as http://localhost:5000, or a folder."
        try:
            url = make_url(option)
        except (ArgumentError, ValueError) as error:
            raise ConfigurationError(f"--mlflow: the URI is invalid. {advice}", key=("--mlflow",)) from error
        label = format_url(url)
        if url.drivername.split("+")[0] not in _SCHEMES:
            raise ConfigurationError(
                f"--mlflow {label}: {url.drivername}:// is not supported. {advice}", key=("--mlflow",)
            )
        if url.drivername.startswith("http") and not url.host:
            raise ConfigurationError(f"--mlflow {label}: the URI has no host. {advice}", key=("--mlflow",))
        return cls(option, label, tuple(list_secrets(url)))

    def warn_if_unreachable(self, progress: Progress) -> None:
        """Print a warning if a server does not answer. A search may take long, and the run is logged at its end."""
        if not self.uri.startswith("http"):
            return
        import requests

        try:
            requests.get(f"{self.uri.rstrip('/')}/health", timeout=5)
        except requests.exceptions.SSLError:
            pass  # MLflow has its own settings of certificates
        except requests.RequestException:
            progress.print_line(
                f"warning: --mlflow {self.label} does not answer. The command continues, and tries to log the run at "
                "its end."
            )

    def log(self, run: MlflowRun, progress: Progress) -> None:
        """Log the run, and print where it is.

        Raises
        ------
        OutputError: If the store is not reachable, or rejects the run.
        """
        from sqlalchemy.exc import SQLAlchemyError

        from scoring.errors import OutputError

        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        from mlflow.exceptions import MlflowException

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it reports the tables that it creates
        try:
            with progress.stage(f"logging the run to {self.label}"):
                place = self._log(run)
        except (MlflowException, SQLAlchemyError, OSError) as error:  # errors of requests are OSErrors
            raise OutputError(
                f"--mlflow {self.label}: the run is not logged. {self._explain(error)}. The printed result is "
                "complete. Check the address and the server."
            ) from error
        note_stored(f"The run is logged to {self.label}.")
        progress.print_line(f"MLflow run: {place}")
        if self.folder is not None:
            progress.print_line(f"`mlflow ui --backend-store-uri {self.uri}` shows the run (pip install mlflow).")

    def _log(self, run: MlflowRun) -> str:
        """Return the address of the logged run, or its id."""
        import sys

        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        client = MlflowClient(tracking_uri=self.uri)
        experiment = self._find_experiment(client)
        tags = {"command": run.command, "code_version": sys.modules["scoring"].__version__, **run.tags}
        texts = {name: str(value) for name, value in tags.items() if value not in (None, "")}
        run_id = client.create_run(experiment, self.started_at, texts, run.name).info.run_id
        status = "FAILED"
        try:
            now = _read_clock()
            client.log_batch(
                run_id,
                metrics=[Metric(name, value, now, step) for name, value, step in run.metrics],
                params=[
                    Param(name, str(value)[:_LONGEST]) for name, value in run.params.items() if value not in (None, "")
                ],
            )
            with tempfile.TemporaryDirectory() as temporary:
                run.write_files(Path(temporary))
                client.log_artifacts(run_id, temporary)
            status = "FINISHED"
        finally:
            client.set_terminated(run_id, status)
        if not self.label.startswith("http"):
            return str(run_id)
        return f"{self.label.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"

    def _find_experiment(self, client: Any) -> str:
        """Return the id of the experiment, which is created if it does not exist."""
        from mlflow.exceptions import MlflowException

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "scoring"
        known = client.get_experiment_by_name(name)
        if known is None:
            artifacts = None if self.folder is None else (self.folder / "artifacts").as_uri()
            try:
                return str(client.create_experiment(name, artifacts))
            except MlflowException:
                known = client.get_experiment_by_name(name)  # another process may have created it
                if known is None:
                    raise
        return str(known.experiment_id)

    def _explain(self, error: BaseException) -> str:
        """Return the reason of the error in one line, without passwords."""
        from scoring.errors import make_printable
        from scoring.storage.os_errors import describe_os_error

        at: BaseException | None = error
        while at is not None:  # MLflow's text of a refused connection has several hundred characters
            if isinstance(at, OSError) and at.strerror:
                return describe_os_error(at)
            at = at.__cause__ or at.__context__
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        for secret in self.secrets:
            first = first.replace(secret, "***")
        return make_printable(first, 300).rstrip(".")


def list_metrics(frame: pd.DataFrame, split: str) -> list[MetricValue]:
    """Return the means and differences of `Scoreboard.frame`, such as `test/NDCG_10.found.difference`.

    MLflow accepts few characters in names, so others become `_`.
    """
    names = _name_models(frame["model"].unique())
    return list(_iterate_metrics(frame, split, names))


def cut_metrics(backtest: Backtest, split: str) -> list[MetricValue]:
    """Return the metrics over all cuts, and those of each cut as a step, such as `test/cuts/NDCG_10.found.mean`."""
    names = _name_models(backtest.models)
    metrics = list(_iterate_metrics(backtest.pooled(), split, names))
    for step, (_, frame) in enumerate(backtest.frame().groupby("cut", sort=True)):
        metrics += _iterate_metrics(frame, f"{split}/cuts", names, step)
    return metrics


def name_digests(models: Mapping[str, ScoringModel]) -> dict[str, str]:
    """Return the parameters with the digests of the models, such as `digest.found`."""
    return {f"digest.{name}": models[model].digest for model, name in _name_models(models).items()}


def _iterate_metrics(
    frame: pd.DataFrame, prefix: str, names: Mapping[str, str], step: int = 0
) -> Iterator[MetricValue]:
    for row in frame.to_dict("records"):
        for column in ("mean", "difference"):
            value = float(row[column])
            if value == value:  # the baseline has no difference
                yield MetricValue(f"{prefix}/{_clean(row['measure'])}.{names[row['model']]}.{column}", value, step)


def _name_models(models: Iterable[str]) -> dict[str, str]:
    """Return model → its distinct name in MLflow."""
    names: dict[str, str] = {}
    for model in models:
        first = name = _clean(model)
        number = 1
        while name in names.values():
            number += 1
            name = f"{first}_{number}"
        names[model] = name
    return names


def _clean(text: str) -> str:
    return re.sub(r"[^\w.-]", "_", text)[:100]
