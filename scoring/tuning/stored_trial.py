"""The model of one trial that a search stored in its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.errors import ConfigurationError, suggest
from scoring.model import Component, ScoringModel, parse_model
from scoring.model_catalog import get_component_kinds
from scoring.storage.home_folder_expansion import expand_path
from scoring.tuning.space import Parameter, Space
from scoring.tuning.trial_journal import open_journal
from scoring.tuning.trial_search import SPACE

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["StoredTrial", "load_trial"]

_SUFFIX = ".journal"


@dataclass(frozen=True)
class StoredTrial:
    """A finished trial of a search: its model, the model that the search started from, and the goals on train."""

    path: Path
    number: int
    model: ScoringModel
    baseline: ScoringModel
    values: Mapping[str, float]

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value:.4g}" for name, value in self.values.items())
        return f"trial {self.number} of {self.path.name} ({values} on the training users)"


def load_trial(reference: str, folder: Path, components: Sequence[type[Component]] = ()) -> StoredTrial:
    """Return the trial of a reference `SEARCH:NUMBER`.

    SEARCH is the path of a journal, or the name of a journal in `folder`; the beginning of a name is enough.

    Raises
    ------
    ConfigurationError: If the journal or the trial does not exist, or the file contains several searches.
    ModelError: If a component of the model is unknown.
    OutputError: If the journal cannot be read.
    """
    search, _, text = reference.rpartition(":")
    if not search or not text.isascii() or not text.isdigit():
        raise ConfigurationError(
            f"{reference!r} is not a trial. Use SEARCH:NUMBER, such as {folder}/0a1b2c3d4e5f{_SUFFIX}:17."
        )
    path, number = _find_journal(search, folder), int(text)
    study = _open_search(path)
    content: dict[str, Any] | None = study.user_attrs.get(SPACE)
    if content is None:
        raise ConfigurationError(
            f"{path} was written by an earlier version, which did not store the model. Repeat the `scoring tune` "
            "command once; finished trials are kept."
        )
    trials = {trial.number: trial for trial in study.trials if trial.values is not None}
    if number not in trials:
        raise ConfigurationError(
            f"{path} has no finished trial {number}. The finished trials are {min(trials, default=0)} to "
            f"{max(trials, default=0)}. `scoring tune --out DIR` writes all to trials.csv."
        )
    baseline = parse_model(content["model"], get_component_kinds(components), source=str(path))
    parameters = tuple(Parameter(*values) for values in content["parameters"])
    model = Space(baseline, tuple(content["locked"]), parameters).model_at(trials[number].params)
    values = dict(zip(content["goals"], trials[number].values, strict=True))
    return StoredTrial(path, number, model, baseline, values)


def _find_journal(search: str, folder: Path) -> Path:
    path = expand_path(search, "search")
    if path.is_file():
        return path
    names = sorted(path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))
    found = [name for name in names if name.startswith(search.removesuffix(_SUFFIX))]
    if len(found) != 1:
        what = "is the beginning of several searches" if found else "is not a search"
        raise ConfigurationError(f"{search!r} {what} in {folder}. {suggest(search, found or names)}")
    return folder / f"{found[0]}{_SUFFIX}"


def _open_search(path: Path) -> Study:
    """Return the study of the search in a journal, without that of random search."""
    import optuna

    storage = open_journal(path)
    names = [name for name in optuna.get_all_study_names(storage) if not name.startswith("random search ")]
    if len(names) != 1:
        raise ConfigurationError(
            f"{path} contains the trials of {len(names)} searches. Use a file with one search: omit --storage, or use "
            "one file per search."
        )
    return optuna.load_study(study_name=names[0], storage=storage)
