"""Functions that open a tuning panel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from scoring.database.change_tokens import read_change_tokens
from scoring.database.database import Database
from scoring.database.validated_reader import read_accepted, warn_about_rejections
from scoring.dataset import Dataset
from scoring.errors import ScoringError
from scoring.evaluation import Holdout
from scoring.model import Component, ScoringModel
from scoring.model_catalog import list_preset_names, load_model
from scoring.registry import Profile, Registry
from scoring.widgets.panel import DEBOUNCE, TuningPanel
from scoring.widgets.panel_anywidget import Event, PanelPage
from scoring.widgets.panel_computation import TuningSession
from scoring.widgets.session_draft_store import DraftStore

__all__ = ["tuning_page", "tuning_panel"]

PHASES: Final = ("Read and check the data", "Split the actions by time", "Rank the lists of the baseline")
"""Phases of the opening. The last one ends when the panel shows the measures."""


def tuning_panel(
    data: str | Path | Dataset | Holdout,
    model: str | Profile | ScoringModel | None = None,
    *,
    registry: Registry | str | Path | None = None,
    days: int | timedelta = 14,
    users: int = 500,
    k: int = 40,
    factor_cache: Path | None = None,
    components: Iterable[type[Component]] = (),
    seed: int = 0,
    debounce: float = DEBOUNCE,
    page: PanelPage | None = None,
    on_phase: Callable[[int], None] = lambda at: None,
    drafts: DraftStore | None = None,
) -> TuningPanel:
    """Return a panel that starts with `model`, which is also the baseline until the user makes another.

    Invalid rows of a database are quarantined with a warning, as by `scoring run`.

    Parameters
    ----------
    data: A database (a URL, or the path of a SQLite file), a dataset or a holdout.
    model: A shipped model, a model file, a profile, NAME or NAME@VERSION of the registry, or `promoted`: the profile
        that is promoted for the database. None: that profile, or `standard` if none is promoted.
    registry: A registry or its folder. Without one the panel cannot save profiles.
    days: The actions of the last `days` days are held out, unless `data` is a holdout.
    users: Limit for the number of train users in the measures. Confirm uses the validation users; test users are never
        used. Lists are available for all users of the data.
    k: Length of the lists. At least 40 jobs are computed, because the metrics need them.
    factor_cache: Folder of trained factors. None keeps nothing on disk.
    components: Component classes in addition to the shipped ones, such as those of `scoring.load_components`.
    seed: Seed of the random choice of users and of the bootstrap.
    debounce: Seconds that a change waits if it follows another within this time.
    page: The widget that shows the panel. None creates one.
    on_phase: Called with the index of each phase of the opening.
    drafts: Drafts on disk, from which a page that loads again continues. None keeps none.

    Raises
    ------
    DatabaseError: If the database cannot be read.
    DataError: If the data is invalid, or more than 1 % of the rows of a table are.
    ModelError: If the model is invalid or does not exist.
    ConfigurationError: If an argument is invalid.

    Example
    -------
    >>> panel = tuning_panel(holdout, model, users=20)
    >>> panel.session.n_compared
    0
    >>> panel.close()
    """
    components = list(components)
    on_phase(0)
    if isinstance(registry, str | Path):
        registry = Registry(registry, components=components)
    if registry is not None and model in (None, "promoted") and isinstance(data, str | Path):
        model = _load_promoted(registry.for_database(str(data)), is_required=model is not None)
    database = str(data) if isinstance(data, str | Path) else None
    if isinstance(data, str | Path):
        data = _load_dataset(str(data), page)
    on_phase(1)
    found = _find_model("standard" if model is None else model, registry, components)
    origin = found if isinstance(found, Profile) else None
    baseline = found.model if isinstance(found, Profile) else found
    session = TuningSession.of(data, baseline, days=days, users=users, k=k, factor_cache=factor_cache, seed=seed)
    on_phase(2)
    return TuningPanel(
        session, registry=registry, origin=origin, debounce=debounce, page=page, drafts=drafts, database=database
    )


def tuning_page(data: str | Path | Dataset | Holdout, *arguments: Any, **options: Any) -> PanelPage:
    """Return a page at once, and open the panel of `tuning_panel` on a thread.

    The page shows the phase of the opening, or its error. Drafts on disk keep its weights and tries. If the data or the
    promotion changed before the page is shown, because the kernel was started in advance, the database is read again.
    """
    page = PanelPage()
    _Opening(page, data, arguments, options).start()
    return page


class _Opening:
    """Opens a panel on a thread."""

    def __init__(
        self, page: PanelPage, data: str | Path | Dataset | Holdout, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        self._page, self._data, self._arguments, self._options = page, data, arguments, options
        self._panel: TuningPanel | None = None
        self._tokens: object = None
        self._is_shown = False
        page.on_msg(lambda _, content, buffers: self._receive(content))

    def start(self) -> None:
        threading.Thread(target=self._run, name="scoring-opening", daemon=True).start()

    def _run(self) -> None:
        page = self._page
        try:
            self._tokens = self._read_tokens()
            self._panel = tuning_panel(
                self._data, *self._arguments, **self._options, page=page, on_phase=self._show_phase, drafts=DraftStore()
            )
        except ScoringError as error:
            page.show(opening={"phases": [], "at": 0, "error": str(error)})
        except Exception as error:
            text = f"Internal error: {type(error).__name__}: {error}"
            page.show(opening={"phases": [], "at": 0, "error": text})
            raise

    def _show_phase(self, at: int) -> None:
        self._page.show(opening={"phases": list(PHASES), "at": at, "error": ""})

    def _receive(self, event: Event) -> None:
        """Read the database again if it changed before the page was shown."""
        if event.get("kind") != "open" or self._is_shown:
            return
        self._is_shown = True
        if self._panel is not None and self._tokens is not None:
            threading.Thread(target=self._check, args=(self._panel,), name="scoring-check", daemon=True).start()

    def _check(self, panel: TuningPanel) -> None:
        try:
            is_current = self._read_tokens() == self._tokens
        except ScoringError:
            return  # the panel works with the data that it has read
        if not is_current:
            panel.worker.close()
            self._page.show(session=None)
            self._run()

    def _read_tokens(self) -> object:
        if not isinstance(self._data, str | Path):
            return None
        with Database.open(str(self._data)) as database:
            return read_change_tokens(database), self._find_promotion(database)

    def _find_promotion(self, database: Database) -> object:
        """Return the promotion that the panel starts with. None if it starts with a given model."""
        model = self._arguments[0] if self._arguments else self._options.get("model")
        registry = self._options.get("registry")
        if model not in (None, "promoted") or registry is None:
            return None
        found = registry if isinstance(registry, Registry) else Registry(registry)
        return found.for_database(database).find_promotion()


def _load_dataset(db: str, page: PanelPage | None) -> Dataset:
    with Database.open(db) as database:
        found = read_accepted(database)
    if page is None:
        warn_about_rejections(found.ledger, stacklevel=3)
    elif summary := found.ledger.summarize_rejections():
        page.show(warnings=[summary])
    return Dataset(found.tables, ledger=found.ledger)


def _load_promoted(registry: Registry, *, is_required: bool) -> Profile | None:
    """Return the promoted profile. None if no profile is promoted and none is required."""
    if is_required or registry.find_promotion() is not None:
        return registry.use("promoted")
    return None


def _find_model(
    model: str | Profile | ScoringModel, registry: Registry | None, components: Sequence[type[Component]]
) -> Profile | ScoringModel:
    if isinstance(model, Profile | ScoringModel):
        return model
    if registry is None or Path(model).is_file():
        return load_model(model, components)
    found = registry.load_model(model)
    return found if model in list_preset_names() else registry.use(model)
