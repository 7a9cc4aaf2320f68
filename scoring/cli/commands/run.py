"""`scoring run`: rank jobs for all active users and publish the lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scoring.cli.cluster_options import DEFAULT_CERTIFICATES, CertificatesOption, ClusterOption, open_executor
from scoring.cli.input_loader import load_data, read_components
from scoring.cli.model_options import add_model_options
from scoring.cli.next_command import print_next
from scoring.cli.options import (
    DEFAULT_DB,
    DEFAULT_MAX_REFUSED,
    DEFAULT_OUT,
    DEFAULT_REFUSED,
    AsOfOption,
    DbOption,
    FactorCacheOption,
    RulesOption,
    TopKOption,
)
from scoring.cli.output_failures import note_stored
from scoring.cli.promoted_model import ModelSource, choose_model, require_reason
from scoring.cli.signals import stop_signals

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.database.database import Database
    from scoring.model.list_rules import ListRules
    from scoring.ranking import Prepared
    from scoring.runs.gate import Gate
    from scoring.runs.publishers import Publisher

__all__ = ["run"]

HELD_BACK_EXIT_CODE = 3
"""Exit code if the gate holds the run back."""


OutOption = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of runs. Each run is a folder of Parquet files in it.")
]
UsersOption = Annotated[
    int | None,
    typer.Option(
        "--users", metavar="N", min=1, help="Rank the first N active users only. The published run is not replaced."
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, show_default="one per core", help="Number of threads.")
]
StrategyOption = Annotated[
    Literal["auto", "pruned", "dense", "gpu"],
    typer.Option(
        "--strategy",
        help="How the lists are found, which does not change them. auto measures on a few users which strategy is the "
        "fastest; gpu uses a graphics card.",
    ),
]
ChunkSizeOption = Annotated[int, typer.Option("--chunk-size", metavar="N", min=1, help="Number of users per chunk.")]
NoDatabaseOption = Annotated[bool, typer.Option("--no-database", help="Do not write the lists to the database.")]
ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Resume an interrupted run of the same data, model and settings. If this run is interrupted, keep its "
        "files. If the run is already published, do nothing.",
    ),
]
KeepOption = Annotated[
    int | None,
    typer.Option("--keep", metavar="N", min=1, help="Afterwards remove all published runs except the newest N."),
]
GateOption = Annotated[
    Path | None,
    typer.Option("--gate", metavar="FILE", help="YAML file of limits for changes since the published run."),
]
ForceOption = Annotated[
    str | None,
    typer.Option(
        "--force", metavar="REASON", help="Publish even if a limit is exceeded. The manifest contains the reason."
    ),
]
InsteadOption = Annotated[
    str | None,
    typer.Option(
        "--instead",
        metavar="REASON",
        help="Publish lists of another model than the promoted profile. The manifest contains the reason.",
    ),
]
MaxRefusedOption = Annotated[
    str,
    typer.Option(
        "--max-refused",
        metavar="N|N%",
        help="Maximum number or percentage of rejected rows of a table. The run stops if there are more.",
    ),
]
RefusedOption = Annotated[
    Path, typer.Option("--refused", metavar="DIR", help="Folder for rejected rows and the reasons.")
]


@add_model_options
def run(
    *,
    db: DbOption = DEFAULT_DB,
    source: ModelSource,
    top_k: TopKOption = 40,
    as_of: AsOfOption = None,
    out: OutOption = DEFAULT_OUT,
    users: UsersOption = None,
    workers: WorkersOption = None,
    chunk_size: ChunkSizeOption = 1000,
    strategy: StrategyOption = "auto",
    no_database: NoDatabaseOption = False,
    resume: ResumeOption = False,
    keep: KeepOption = None,
    rules: RulesOption = None,
    gate: GateOption = None,
    force: ForceOption = None,
    instead: InsteadOption = None,
    max_refused: MaxRefusedOption = DEFAULT_MAX_REFUSED,
    refused: RefusedOption = DEFAULT_REFUSED,
    factor_cache: FactorCacheOption = None,
    cluster: ClusterOption = None,
    certificates: CertificatesOption = DEFAULT_CERTIFICATES,
) -> None:
    """Rank jobs for all active users with the promoted profile, and publish the lists.

    Without a promoted profile, the model is `standard`. Another model in place of the promoted profile requires
    --instead REASON.

    The lists are written as Parquet files and to the database. They are compared with the published run first. If a
    limit is exceeded, the run is held back and the exit code is 3. To publish it, repeat the command with --resume and
    --force REASON.
    """
    from scoring.telemetry import Stopwatch

    watch = Stopwatch()
    with watch.phase("start"):
        from scoring.cli.progress import Progress, make_console
        from scoring.database.database import Database
        from scoring.errors import make_printable
        from scoring.model.list_rules import load_list_rules
        from scoring.threads import run_meanwhile

        progress = Progress()
        given = source.read()
        run_gate = _make_gate(gate, force, source.components)
        list_rules = None if rules is None else load_list_rules(rules)
        _check_reason(instead)
        _check_strategy(strategy, cluster, progress)
        replaces_published = not no_database or out.resolve() == DEFAULT_OUT.resolve()
    with (
        Database.open(db) as database,
        progress.warnings(),
        open_executor(cluster, certificates, chunk_size, progress.print_line) as executor,
    ):
        if not no_database:
            database.require_writable()
        with watch.phase("start"):
            choice = choose_model(source, given, database, progress, instead=instead)
            if replaces_published and users is None:
                require_reason(choice)
            if choice.text:
                progress.print_line(choice.text)
            run_gate = replace(run_gate, model_change=choice.model_change, notes=choice.notes)
        publishers = _make_publishers(None if no_database else database, out)
        with run_meanwhile(_load_code) as wait_for_code:
            dataset = load_data(database, as_of, progress, watch, max_refused=max_refused, refused_to=refused)
            with watch.phase("start"):
                wait_for_code()
        from scoring.data_check import find_run_warnings
        from scoring.runs import report, runner
        from scoring.statistics.factors import default_cache

        with (
            progress.stage("preparing factors, statistics, plan and kernels (compiled once per machine)"),
            run_meanwhile(lambda: dataset.fingerprint) as get_fingerprint,
        ):
            prepared = runner.prepare(
                dataset,
                choice.model,
                watch=watch,
                factor_cache=factor_cache or default_cache(),
                workers=workers,
                path=strategy,
                list_rules=list_rules,
            )
            with watch.phase("fingerprint"):
                get_fingerprint()
        for finding in find_run_warnings(prepared):
            progress.print_line(f"warning: {make_printable(str(finding), 500)}")
        _report_rules(prepared, list_rules, progress)
        selected = _select_first_users(prepared, users)
        if replaces_published and selected is None:
            require_reason(choice)
        with _report_held_back_run(progress), progress.bar("ranking", "users") as advance:
            result = runner.run(
                prepared,
                k=top_k,
                users=selected,
                chunk_size=chunk_size,
                publishers=publishers,
                progress=advance,
                cancelled=stop_signals.raise_pending,
                watch=watch,
                resume=resume,
                gate=run_gate,
                executor=executor,
            )
        run_id = result.metadata.run_id
        note_stored(f"Run {run_id} is published.")
        if result.was_published:
            progress.print_line(
                f"Run {run_id} of the same data, model and settings is already published. Nothing was done. "
                "To rank again, omit --resume."
            )
        make_console().print(report.render(report.Report.of(result)))
        if keep is not None:
            _prune_old_runs(out, None if no_database else database, keep)
    if result.first.count.any():
        first = int((result.first.count > 0).argmax())
        external_ids = result.prepared.inputs.external_ids
        print_next(
            "explain",
            external_ids.name_user(int(result.first.user_id[first])),
            external_ids.name_job(int(result.first.job_id[first, 0])),
            db=(db, DEFAULT_DB),
            as_of=(as_of, None),
            **source.list_options(),
        )


def _load_code() -> None:
    """Import what ranks and reports, and load compiled kernels, while SQLite reads without the interpreter lock."""
    from scoring.ranking.scorer import load_kernels

    load_kernels()
    import pyarrow.parquet  # noqa: F401 - publishers import it

    from scoring.runs import report, runner  # noqa: F401 - imported later by name


def _make_publishers(database: Database | None, out: Path) -> list[Publisher]:
    """Return the publishers in the order of publishing.

    A transaction is more likely to fail than the rename that makes a folder visible, so the database is first.

    Raises
    ------
    OutputError: If the folder is not writable.
    DatabaseError: If the database is not writable.
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
    """If the gate holds the run back, print its table and exit."""
    from scoring.cli.progress import make_console
    from scoring.errors import make_printable
    from scoring.runs.gate import GateFailedError

    try:
        yield
    except GateFailedError as error:
        from scoring.runs.gate.console_table import make_table

        make_console().print(make_table(error.verdict))
        progress.print_line(f"error: {make_printable(str(error), 2000)}")
        raise typer.Exit(HELD_BACK_EXIT_CODE) from error


def _prune_old_runs(out: Path, database: Database | None, keep: int) -> None:
    from scoring.cli.commands.runs import print_pruned
    from scoring.runs.retention import prune

    print_pruned(prune(out, database, keep))


def _make_gate(file: Path | None, force: str | None, components: list[Path] | None) -> Gate:
    """Return the gate. Raises ConfigurationError: If the limits or the reason are invalid."""
    from scoring.runs.gate import Gate, GateLimits, load_limits

    classes = read_components(components)
    return Gate(GateLimits() if file is None else load_limits(file), force, components=classes)


def _check_reason(instead: str | None) -> None:
    if instead is not None and not instead.strip():
        raise typer.BadParameter("--instead is blank. Give the reason for another model than the promoted profile.")


def _check_strategy(strategy: str, cluster: str | None, progress: Progress) -> None:
    """Print a warning if no graphics card can be used. Raises BadParameter: If the strategy is that of a cluster."""
    if strategy != "auto" and cluster is not None:
        raise typer.BadParameter(
            "--strategy does not apply to a run with --cluster, whose workers measure which strategy is the fastest. "
            "Omit one of them."
        )
    if strategy == "gpu":
        from scoring.ranking.scorer import find_card_objection

        objection = find_card_objection()
        if objection is not None:
            progress.print_line(f"warning: The strategy gpu is not used. {objection}")


def _report_rules(prepared: Prepared, given: ListRules | None, progress: Progress) -> None:
    """Print how many rules of lists are active, and warn about those that concern no job that may be ranked."""
    if given is None:
        return
    from scoring.errors import make_printable

    on_data = prepared.plan.list_rules
    active = [] if on_data is None else [rule.title for rule in on_data.rules.rules]
    names = f": {make_printable(', '.join(active), 500)}" if active else ""
    progress.print_line(f"{len(active)} of {len(given.rules)} rules are active{names}")
    for rule in [] if on_data is None else on_data.find_unused(prepared.plan.exclusions):
        text = make_printable(f"{rule.origin}: {rule.title}", 300)
        progress.print_line(f"warning: {text} concerns no job that may be ranked.")


def _select_first_users(prepared: Prepared, count: int | None) -> list[int] | None:
    active = prepared.plan.user_id[prepared.active_users]
    return None if count is None or count >= len(active) else active[:count].tolist()
