"""`scoring panel`: open the tuning panel as a page on this machine only."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.argument_checks import MAX_DAYS, check_days
from scoring.cli.input_loader import read_models
from scoring.cli.jupyter_server import SERVER_PACKAGES, choose_port, run_server
from scoring.cli.options import (
    DEFAULT_DB,
    DEFAULT_PROFILES,
    ComponentOption,
    DbOption,
    FactorCacheOption,
    OpenOption,
    PortOption,
    ProfilesOption,
    TopKOption,
)

if TYPE_CHECKING:
    from scoring.database.database import Database

__all__ = ["panel"]

PANEL_SOURCE = """\
import os

os.chdir(os.environ["SCORING_FOLDER"])
from scoring import load_components
from scoring.widgets.panel_factory import tuning_page

tuning_page(os.environ["SCORING_DB"], {model!r}, registry={profiles!r}, days={days!r}, users={users!r}, k={k!r},
            factor_cache={factor_cache}, components=[kind for file in {files!r} for kind in load_components(file)])
"""

FILL_SECONDS = 4
"""Seconds between the opening of a page and the start of the next kernel, which competes with the page for the CPU."""

CHECKED_ROWS = 300_000
"""Number of rows up to which the holdout is checked before the server starts: a second. The page checks all."""

PAGE_TEMPLATE = """\
{%- extends "voila/templates/lab/index.html.j2" -%}
{%- set voila_process = "function () { window.update_loading_text(1, 1, `Opening the panel…`); }" -%}
{%- block notebook_css -%}{{ super() | replace(' href="https://', ' data-disabled="https://') }}{%- endblock -%}
"""
"""Voila's page without the icon styles that it loads from the network. The panel does not use these icons."""


def panel(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="The initial model: a shipped model, a model file or a saved profile.",
            show_default="the promoted profile, or standard",
        ),
    ] = None,
    db: DbOption = DEFAULT_DB,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    days: Annotated[
        float,
        typer.Option("--days", metavar="DAYS", min=1, max=MAX_DAYS, help="Length of the holdout in days."),
    ] = 14.0,
    users: Annotated[
        int, typer.Option("--users", metavar="N", min=1, help="Maximum number of train users to evaluate.")
    ] = 500,
    top_k: TopKOption = 40,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
    preheat: Annotated[
        bool,
        typer.Option(
            "--preheat/--no-preheat",
            help="Keep a kernel with loaded data ready for the next page. It needs the memory of another page.",
        ),
    ] = True,
    port: PortOption = None,
    open_browser: OpenOption = False,
) -> None:
    """Open the tuning panel as a web page.

    The measures are of train users, and Confirm tests the weights on validation users. Test users are never used.

    The server accepts connections from this machine only and requires a token. Press Ctrl-C to stop it.
    """
    from scoring.columns import TABLES
    from scoring.database.change_tokens import read_change_tokens
    from scoring.database.database import Database
    from scoring.errors import DatabaseError
    from scoring.optional_dependencies import require
    from scoring.statistics.factors import default_cache

    require("scoring panel", "workbench", *SERVER_PACKAGES)
    # report errors here, not on the page
    registry, _ = read_models([] if model is None else [model], component, profiles, db)
    if model is None and registry.find_promotion() is not None:
        registry.use("promoted")
    with Database.open(db) as database:
        database.require_tables(*TABLES)
        database.require_data()
        tokens = read_change_tokens(database)
        if not tokens["actions"].rows:
            raise DatabaseError(
                f"{database.display} contains no actions. The panel evaluates lists on later actions. Import them with "
                "`scoring import`.",
                reason="empty",
            )
        if sum(token.rows for token in tokens.values()) <= CHECKED_ROWS:
            _require_holdout(database, days)
    source = PANEL_SOURCE.format(
        model=model,
        profiles=str(profiles),
        days=days,
        users=users,
        k=top_k,
        files=[str(file) for file in component or ()],
        factor_cache=f"__import__('pathlib').Path({str(factor_cache or default_cache())!r})",
    )
    port = choose_port(port)
    # a URL may contain a password: pass it in the environment, which other users cannot read
    environment = {"SCORING_DB": db, "SCORING_FOLDER": str(Path.cwd())}
    with _create_page(source) as folder:
        paths = [str(folder / "jupyter"), *filter(None, [os.environ.get("JUPYTER_PATH")])]
        environment["JUPYTER_PATH"] = os.pathsep.join(paths)
        server = [
            "panel", str(folder), str(folder / "panel.ipynb"), "--template=scoring", "--no-browser", f"--port={port}",
            "--Voila.ip=127.0.0.1", "--token", "--Voila.port_retries=0", "--VoilaExecutor.timeout=600",
            "--Voila.log_level=ERROR", f"--Voila.connection_dir_root={folder}",
        ]  # fmt: skip
        if preheat:
            server += ["--preheat_kernel=True", "--pool_size=1", f"--VoilaKernelManager.fill_delay={FILL_SECONDS}"]
        run_server("The panel", server, port, "/", environment, open_browser)


def _require_holdout(database: Database, days: float) -> None:
    """Check that the last `days` days have the actions and users that the panel evaluates on.

    Raises
    ------
    ConfigurationError: If no action is held out, or a part of the split has no user.
    """
    from scoring.database.validated_reader import read_accepted
    from scoring.dataset import Dataset
    from scoring.evaluation import by_time, split_users

    split_users(by_time(Dataset(read_accepted(database).tables), days=check_days("--days", days, 1)).user_id)


@contextmanager
def _create_page(source: str) -> Iterator[Path]:
    """Yield a private folder with `panel.ipynb`, a notebook of one cell, and its template in `jupyter`."""
    cell: dict[str, object] = {
        "cell_type": "code", "id": "panel", "metadata": {}, "source": source, "outputs": [], "execution_count": None,
    }  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    render_profile = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    # the server also removes it, in case this command is killed
    with tempfile.TemporaryDirectory(prefix="scoring-panel-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "panel.ipynb").write_text(json.dumps(render_profile), encoding="utf-8")
        template = folder / "jupyter/voila/templates/scoring"
        template.mkdir(parents=True)
        (template / "conf.json").write_text('{"base_template": "lab"}', encoding="utf-8")
        (template / "index.html.j2").write_text(PAGE_TEMPLATE, encoding="utf-8")
        yield folder
