"""Drafts of panel sessions on disk, so that a page that loads again continues where it was.

store = DraftStore()
store.save(session_id, PanelDraft.of(session, weights, history, user="U-1"))
store.load(session_id, session).restore(session, weights, history)
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from scoring.errors import ConfigurationError, OutputError
from scoring.model.eligibility_rule import EligibilityRule
from scoring.registry.evaluation_file import SavedModel
from scoring.registry.metadata import Digest
from scoring.storage.atomic_file import replace_file
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import wrap_os_errors
from scoring.storage.regular_file_reader import read_plain_file
from scoring.widgets.panel_computation import TuningSession
from scoring.widgets.slider_view_model import State, WeightsModel
from scoring.widgets.try_history import Try, TryHistory

__all__ = ["DraftStore", "PanelDraft", "find_state_folder"]

_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_MAX_BYTES: Final = 20_000_000
_MAX_DRAFTS: Final = 40
_MAX_AGE_DAYS: Final = 60
_DAY: Final = 24 * 60 * 60


def find_state_folder() -> Path:
    """Return the folder of drafts in the user's state folder, `$XDG_STATE_HOME` or `~/.local/state`."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "scoring" / "panel"


class PanelDraft(BaseModel):
    """The content of a panel: weights, parameters, rules, locks, baseline, tries, chosen user and job."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    writer: str = ""
    """Random id of the panel that wrote the draft. A second tab of the same address takes the draft over."""
    holdout: Digest
    """Digest of the data, the held-out actions and the users of the measures."""
    start: Digest
    """Digest of the model that the panel was opened with."""
    model: Digest
    baseline: Digest
    models: dict[Digest, SavedModel]
    """All models of the draft by digest."""
    locked: tuple[str, ...]
    locked_groups: tuple[str, ...]
    off_rules: tuple[tuple[str, str], ...]
    """Condition and name of the own rules that are off."""
    user: str
    job: str
    tries: tuple[Try, ...]
    current: int | None
    n_moves: int
    compared: tuple[tuple[Digest, Digest], ...]
    """Baseline and model of each comparison of the session."""
    n_trials: int
    """Number of trials of searches."""
    confirmed: tuple[tuple[Digest, Digest], ...]
    """Baseline and model of each confirmation of the session, oldest first."""

    @classmethod
    def of(
        cls,
        session: TuningSession,
        weights: WeightsModel,
        history: TryHistory,
        *,
        user: str = "",
        job: str = "",
        writer: str = "",
    ) -> Self:
        """Return the draft of a panel. `user` and `job` are the chosen ids as text, `writer` is that of the panel."""
        state = weights.state
        models = history.models
        for model in (state.model, state.baseline):
            if model.digest not in models:
                models[model.digest] = SavedModel.of(model.name, model)
        return cls(
            writer=writer,
            holdout=session.evaluator.holdout.digest,
            start=weights.start.digest,
            model=state.model.digest,
            baseline=state.baseline.digest,
            models=models,
            locked=tuple(sorted(state.locked)),
            locked_groups=tuple(sorted(state.locked_groups)),
            off_rules=tuple((rule.where, rule.name) for rule in state.off_rules),
            user=user,
            job=job,
            tries=tuple(history.tries),
            current=history.current,
            n_moves=history.n_moves,
            compared=session.compared,
            n_trials=session.n_trials,
            confirmed=session.confirmed,
        )

    def restore(self, session: TuningSession, weights: WeightsModel, history: TryHistory) -> None:
        """Write the draft into new view models of the same data and model.

        Raises
        ------
        ConfigurationError: If the code of a component has changed since. Then nothing is changed.
        """
        restored = TryHistory(weights.start)
        restored.restore(self.tries, self.models, self.current, self.n_moves)
        model, baseline = restored.load_model(self.model), restored.load_model(self.baseline)
        off_rules = tuple(EligibilityRule(where, name) for where, name in self.off_rules)
        weights.restore(State(model, baseline, frozenset(self.locked), frozenset(self.locked_groups), off_rules))
        history.restore(self.tries, self.models, self.current, self.n_moves)
        session.restore_counts(self.compared, self.confirmed, self.n_trials)


@dataclass(frozen=True)
class DraftStore:
    """Drafts in a folder of the user, one file per session. Files beyond 40, or older than 60 days, are removed.

    Parameters
    ----------
    folder: The folder; None: that of `find_state_folder`.
    """

    folder: Path | None = None

    @staticmethod
    def make_id() -> str:
        """Return a random session id, which is safe as the name of a file."""
        return secrets.token_urlsafe(9)

    def save(self, session_id: str, draft: PanelDraft) -> None:
        """Write a draft. The file is replaced in one step, and only the user can read it.

        Raises
        ------
        ConfigurationError: If the id is not one of `make_id`.
        OutputError: If the file cannot be written.
        """
        path = self._find_path(session_id)
        with wrap_os_errors(path, content="The draft of the panel"):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            is_new = not path.exists()
            # not flushed to disk: after a crash of the machine, the panel starts without its draft
            replace_file(path, draft.model_dump_json(), mode=0o600, sync_file=False, sync_name=False)
            if is_new:
                self._prune(path)

    def load(self, session_id: str, session: TuningSession) -> PanelDraft | None:
        """Return the draft of a session; None if it does not exist.

        Raises
        ------
        ConfigurationError: If the id is invalid or the file is damaged. If the data, users or model differ
            from those of the draft.
        OutputError: If the file cannot be read.
        """
        path = self._find_path(session_id)
        try:
            with wrap_os_errors(path, "read"):
                content = read_plain_file(path, _MAX_BYTES)
        except OutputError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        try:
            draft = PanelDraft.model_validate_json(content)
        except ValidationError as error:
            raise ConfigurationError(
                "The draft of this page is damaged or was written by another version. The panel starts without it.",
                key=("draft",),
            ) from error
        if draft.holdout != session.evaluator.holdout.digest:
            raise _make_mismatch("other data or users")
        if draft.start != session.baseline.digest:
            raise _make_mismatch("another model")
        return draft

    def find_writer(self, session_id: str) -> str:
        """Return the writer of a draft; "" if the draft does not exist or cannot be read."""
        try:
            content = json.loads(read_plain_file(self._find_path(session_id), _MAX_BYTES))
        except (OSError, ValueError):
            return ""
        writer = content.get("writer") if isinstance(content, dict) else None
        return writer if isinstance(writer, str) else ""

    def remove(self, session_id: str) -> None:
        """Remove a draft if it exists. Raise ConfigurationError if the id is invalid."""
        with suppress(OSError):
            self._find_path(session_id).unlink()

    def _find_path(self, session_id: str) -> Path:
        if not isinstance(session_id, str) or _ID.fullmatch(session_id) is None:
            raise ConfigurationError("The session id in the address is invalid. Open the page without it.",
                                     key=("session",))  # fmt: skip
        folder = find_state_folder() if self.folder is None else expand_path(self.folder, "folder")
        return folder / f"{session_id}.json"

    def _prune(self, kept: Path) -> None:
        """Remove the drafts that are too old or too many, but not `kept`."""
        times: dict[Path, float] = {}
        for path in kept.parent.glob("*.json"):
            with suppress(OSError):  # another panel may remove it
                times[path] = path.stat().st_mtime
        newest = sorted(times, key=lambda path: -times[path])
        oldest = time.time() - _MAX_AGE_DAYS * _DAY
        for place, path in enumerate(newest):
            if path != kept and (place >= _MAX_DRAFTS or times[path] < oldest):
                with suppress(OSError):
                    path.unlink()


def _make_mismatch(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"The draft of this page belongs to {what}. The panel starts without it.", key=("draft", what.split()[1])
    )
