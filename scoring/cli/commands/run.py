"""`scoring run`: rank jobs for all active users and publish the lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.data_loader import load_components, load_data, read_model
from scoring.cli.options import (
    DEFAULT_DB,
    DEFAULT_MAX_REFUSED,
    DEFAULT_OUT,
    DEFAULT_PROFILES,
    DEFAULT_REFUSED,
    AsOfOption,
    ComponentOption,
    DbOption,
    FactorCacheOption,
    ModelOption,
    ProfileOption,
    ProfilesOption,
    WeightsOption,
)
from scoring.cli.signals import stop_signals

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.database.database import Database
    from scoring.model import ScoringModel
    from scoring.ranking import Prepared
    from scoring.runs.gate import Gate
    from scoring.runs.publishers import Publisher

__all__ = ["run"]

HELD_BACK_EXIT_CODE = 3
"""What the command ends with where its gate keeps the run aside."""


TopK = Annotated[int, typer.Option("--top-k", min=1, help="Jobs per user.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of runs: this one becomes a folder of Parquet files in it.")]
Users = Annotated[int | None, typer.Option("--users", min=1, help="Only the first so many active users.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Threads; else one per core.")]
ChunkSize = Annotated[int, typer.Option("--chunk-size", min=1, help="Users in a chunk.")]
NoDatabase = Annotated[bool, typer.Option("--no-database", help="Write Parquet only.")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with such a run that was stopped or killed; keep this one if it is stopped; do nothing "
        "if it is published and in use.",
    ),
]
Keep = Annotated[
    int | None,
    typer.Option("--keep", min=1, help="Afterwards remove all published runs but the newest so many."),
]
Limits = Annotated[
    Path | None,
    typer.Option("--gate", metavar="FILE", help="Limits (YAML) within which lists may change since the last run."),
]
Force = Annotated[
    str | None,
    typer.Option("--force", metavar="REASON", help="Publish beyond the limits too, and say why in the manifest."),
]
MaxRefused = Annotated[
    str,
    typer.Option("--max-refused", help="Rows of a table that may be unusable and are left out: a share, or a number."),
]
Refused = Annotated[Path, typer.Option("--refused", help="Folder for the rows that cannot be used, with the reasons.")]


def run(
    db: DbOption = DEFAULT_DB,
    model: ModelOption = None,
    weights: WeightsOption = None,
    profile: ProfileOption = None,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    top_k: TopK = 40,
    as_of: AsOfOption = None,
    out: Out = DEFAULT_OUT,
    users: Users = None,
    workers: Workers = None,
    chunk_size: ChunkSize = 1000,
    no_database: NoDatabase = False,
    resume: Resume = False,
    keep: Keep = None,
    gate: Limits = None,
    force: Force = None,
    max_refused: MaxRefused = DEFAULT_MAX_REFUSED,
    refused: Refused = DEFAULT_REFUSED,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Rank every active user's best jobs, and publish the lists as Parquet and in the database.

    Before that they are compared with those of the last run. Beyond a limit they are kept aside (exit code 3), and
    `--resume --force REASON` publishes them.
    """
    from scoring.telemetry import Stopwatch

    watch = Stopwatch()
    with watch.phase("start"):
        from scoring.cli.progress import Progress, make_console
        from scoring.database.database import Database
        from scoring.runs import report, runner
        from scoring.statistics.factors import default_cache

        progress = Progress()
        chosen = read_model(model, weights, component, profile, profiles)
        gate_rules = _make_gate(gate, force, None if profile is None else _promotion_note(profiles, chosen), component)
    with Database.open(db) as database, progress.warnings():
        publishers = _publishers(None if no_database else database, out)
        dataset = load_data(database, as_of, progress, watch, max_refused=max_refused, refused_to=refused)
        with watch.phase("fingerprint"):
            dataset.fingerprint  # noqa: B018 - computed on first access
        with progress.stage("preparing factors, statistics, plan and kernels (compiled once per machine)"):
            prepared = runner.prepare(
                dataset, chosen, watch=watch, factor_cache=factor_cache or default_cache(), workers=workers
            )
        with _report_held_back_run(progress), progress.bar("ranking", "users") as advance:
            result = runner.run(
                prepared,
                k=top_k,
                users=_first_users(prepared, users),
                chunk_size=chunk_size,
                sinks=publishers,
                progress=advance,
                cancelled=stop_signals.raise_pending,
                watch=watch,
                resume=resume,
                gate=gate_rules,
            )
        if result.was_published:
            run_id = result.metadata.run_id
            progress.print_line(f"Run {run_id} has this data, model and settings, and is published: nothing was done.")
        make_console().print(report.render(report.Report.of(result)))
        if keep is not None:
            _prune_old_runs(out, None if no_database else database, keep)


def _publishers(database: Database | None, out: Path) -> list[Publisher]:
    """Published in this order: a transaction is likelier to fail than the rename that makes a folder visible.

    Raises OutputError, DatabaseError: one of them cannot be written to.
    """
    from scoring.runs.publishers import LATEST, DatabasePublisher, ParquetPublisher

    publishers: list[Publisher] = []
    if database is not None:
        rows = DatabasePublisher(database)
        rows.check()
        publishers.append(rows)
    files = ParquetPublisher(out, by_run_id=True, latest=LATEST)
    files.check()
    return [*publishers, files]


@contextmanager
def _report_held_back_run(progress: Progress) -> Iterator[None]:
    """Ends the command where the gate keeps the run aside, with all that it measured."""
    from scoring.cli.progress import make_console
    from scoring.errors import printable
    from scoring.runs.gate import GateFailedError

    try:
        yield
    except GateFailedError as aside:
        from scoring.runs.gate.console_table import make_table

        make_console().print(make_table(aside.verdict))
        progress.print_line(f"error: {printable(str(aside), 2000)}")
        raise typer.Exit(HELD_BACK_EXIT_CODE) from aside


def _prune_old_runs(out: Path, database: Database | None, keep: int) -> None:
    from scoring.cli.commands.runs import print_pruned
    from scoring.runs.retention import prune

    print_pruned(prune(out, database, keep))


def _make_gate(file: Path | None, force: str | None, promoted: str | None, components: list[Path] | None) -> Gate:
    """Raises ConfigurationError: limits that cannot be read, a reason that is none."""
    from scoring.runs.gate import Gate, GateLimits, load_limits

    own = [kind for path in components or () for kind in load_components(path)]
    return Gate(GateLimits() if file is None else load_limits(file), force, promoted, own)


def _promotion_note(profiles: Path, chosen: ScoringModel) -> str | None:
    """What was decided about this model, if it is the one in use."""
    from scoring.tuning.registry import Registry

    decision = Registry(profiles).decision()
    return str(decision) if decision is not None and decision.digest == chosen.digest else None


def _first_users(prepared: Prepared, count: int | None) -> list[int] | None:
    active = prepared.plan.user_id[prepared.active_users]
    return None if count is None or count >= len(active) else active[:count].tolist()
