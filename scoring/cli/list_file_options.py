"""Options of `scoring evaluate` for files of lists: those of other systems, and those that it writes."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

if TYPE_CHECKING:
    import pandas as pd

    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import ExternalLists

__all__ = ["ListFiles", "ListsAtOption", "ListsOption", "ListsOutOption"]

ListsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lists",
        metavar="FILE|NAME=FILE",
        help="Also evaluate lists of another system: a Parquet or CSV table (user, job, rank or score), a TREC run "
        "(.trec, .run, .txt), a ranx run (.json), or the folder of a run. May be repeated.",
    ),
]
ListsAtOption = Annotated[
    str | None,
    typer.Option(
        "--lists-at",
        metavar="TIME",
        show_default="the clock of a run; otherwise the start of the holdout",
        help="Clock of the data that the lists were computed from. Earlier actions do not count as relevant.",
    ),
]
ListsOutOption = Annotated[
    Path | None,
    typer.Option(
        "--lists-out",
        metavar="DIR",
        help="Write the lists and the relevant jobs to this folder, for trec_eval and ir-measures (NAME.run, "
        "qrels.txt) and for ranx (NAME.json, qrels.json).",
    ),
]


@dataclass(frozen=True)
class ListFiles:
    """The files of --lists by name, and the value of --lists-at."""

    paths: Mapping[str, Path]
    at: pd.Timestamp | None

    @classmethod
    def parse(cls, arguments: Sequence[str], at: str | None, models: Container[str]) -> Self:
        """Check the options, before data are loaded.

        Raises
        ------
        BadParameter: If --lists-at is given alone.
        ConfigurationError: If a file does not exist, a name is a duplicate, or the time is invalid.
        """
        from scoring.dataset.dataset import parse_clock
        from scoring.errors import ConfigurationError
        from scoring.evaluation.external_lists import name_lists
        from scoring.storage.home_folder_expansion import expand_path

        if at is not None and not arguments:
            raise typer.BadParameter("--lists-at requires --lists.")
        clock, paths = parse_clock(at, "--lists-at"), dict[str, Path]()
        for argument in arguments:
            name, separator, path = argument.partition("=")
            if not separator or expand_path(argument, "--lists").exists():
                name, path = "", argument
            location = expand_path(path, "--lists")
            if not location.exists():
                raise ConfigurationError(
                    f"--lists {argument}: {path} does not exist. Give a file, or the folder of a run.",
                    path=path,
                    key=("--lists",),
                )
            name = name.strip() or name_lists(location)
            if name in paths or name in models:
                raise ConfigurationError(
                    f"--lists {argument}: duplicate name {name}. Use NAME=FILE with another name.",
                    key=("--lists", name),
                )
            paths[name] = location
        return cls(paths, clock)

    def read(self, data: Dataset, progress: Progress) -> dict[str, ExternalLists]:
        """Return the lists by name.

        Raises
        ------
        DataError: If a file is invalid.
        """
        from scoring.evaluation import ExternalLists

        result = {}
        for name, path in self.paths.items():
            with progress.stage(f"reading {path}"):
                result[name] = ExternalLists.read(path, data, name=name, at=self.at)
        return result
