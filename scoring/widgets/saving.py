"""Profiles from the panel: what there is, and what must be looked at before one is saved."""

from __future__ import annotations

from dataclasses import dataclass

from scoring.errors import ConfigurationError
from scoring.model import ScoringModel
from scoring.tuning.registry import Profile, Registry
from scoring.widgets.session import PanelState, TuningSession

__all__ = ["Saver"]

_FEW = 4


@dataclass
class Saver:
    """Loads and saves profiles of a registry. A model that makes a slice significantly worse is saved only when it is
    asked for a second time."""

    registry: Registry
    session: TuningSession
    parent: Profile | ScoringModel
    """What the weights were made from: the profile that was loaded last."""
    _warned: str | None = None

    @property
    def asks_again(self) -> bool:
        """Whether a warning was given last, and Save is to be pressed a second time."""
        return self._warned is not None

    def names(self) -> list[str]:
        """NAME@VERSION of every profile that can be read, the newest version of each name first."""
        frame = self.registry.list()
        if not len(frame):
            return []
        readable = frame[frame["problem"].isna()].sort_values(["name", "version"], ascending=[True, False])
        return [f"{name}@{version}" for name, version in zip(readable["name"], readable["version"], strict=True)]

    def load(self, name: str) -> ScoringModel:
        """Raises ModelError where it is not as it was saved, ConfigurationError for a name that is none."""
        if not name:
            raise ConfigurationError("no profile is chosen; choose one beside Load.")
        self.parent = self.registry.use(name)
        self._warned = None
        return self.parent.model

    def warning(self, state: PanelState) -> str:
        """A sentence about the slices that are significantly worse; "" where none is. Raises ConfigurationError."""
        worse = state.worse()
        if not len(worse):
            return ""
        named = [f"{row.slicing} {row.slice} ({row.metric} {row.difference:+.3g})" for row in worse.itertuples()]
        more = f" and {len(named) - _FEW} more" if len(named) > _FEW else ""
        return f"Significantly worse than the baseline: {', '.join(named[:_FEW])}{more}."

    def save(self, name: str, model: ScoringModel, state: PanelState | None, note: str = "") -> Profile | str:
        """The saved profile; or, at the first time of asking, a sentence that warns of slices.

        Raises ConfigurationError: the state is not of this model, or not whole; a name that is none.
        """
        if not name.strip():
            raise ConfigurationError("a profile needs a name; write one beside Save.")
        if state is None or state.model != model or state.slices is None:
            raise ConfigurationError("what these weights do is still being computed; save when it has settled.")
        warning = self.warning(state)
        if warning and self._warned != model.digest:
            self._warned = model.digest
            return f"{warning} Press Save again to save it all the same."
        self._warned = None
        self.parent = self.registry.save(
            name.strip(),
            model,
            parent=self.parent,
            found_on=self.session.data,
            metrics=self.session.metrics(state),
            note=note,
        )
        return self.parent
