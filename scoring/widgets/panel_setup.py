"""The one call that opens a panel."""

from __future__ import annotations

from pathlib import Path

from scoring.catalog import load_model
from scoring.database.database import Database
from scoring.database.quarantine import read_usable, warn_of
from scoring.dataset import Dataset
from scoring.evaluation import Holdout
from scoring.model import ScoringModel
from scoring.tuning.registry import Profile, Registry
from scoring.widgets.panel import TuningPanel
from scoring.widgets.session import TuningSession

__all__ = ["tuning_panel"]


def tuning_panel(
    data: str | Path | Dataset | Holdout,
    model: str | Profile | ScoringModel = "standard",
    *,
    registry: Registry | str | Path | None = None,
    days: float = 14.0,
    users: int = 500,
    k: int = 40,
    factor_cache: Path | None = None,
    seed: int = 0,
    debounce: float = 0.1,
) -> TuningPanel:
    """A panel that begins with `model`, which is also the baseline of every comparison until another is made in it.

    `data` is a database (a URL, or the path of a SQLite file), a dataset, or a holdout. Unless it is a holdout, what
    was done in the last `days` days is held out and to be found. Measures are of at most `users` users, drawn by lot
    with `seed`; lists of any user of the data can be looked at. `model` may be a shipped model, a model file, a
    profile of the registry or NAME@VERSION. `registry` is a folder of profiles; without one nothing can be saved.
    Rows of a database that cannot be used are left out with a warning, as `scoring run` leaves them out; more than 1 %
    of a table are an error.

    Raises DatabaseError, DataError, ModelError, ConfigurationError.
    """
    if isinstance(registry, str | Path):
        registry = Registry(registry)
    if isinstance(data, str | Path):
        data = _loaded(str(data))
    session = TuningSession.of(
        data, _model_of(model, registry), days=days, users=users, k=k, factor_cache=factor_cache, seed=seed
    )
    return TuningPanel(session, registry=registry, debounce=debounce)


def _loaded(db: str) -> Dataset:
    with Database.open(db) as database:
        found = read_usable(database)
    warn_of(found.ledger, stacklevel=3)
    return Dataset(found.tables, ledger=found.ledger)


def _model_of(model: str | Profile | ScoringModel, registry: Registry | None) -> ScoringModel:
    if isinstance(model, Profile):
        return model.model
    if isinstance(model, ScoringModel):
        return model
    if registry is not None and not Path(model).is_file():
        return registry.model(model)
    return load_model(model)
