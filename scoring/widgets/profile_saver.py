"""Loading and saving of profiles in the panel, with a warning about slices that become worse."""

from __future__ import annotations

from dataclasses import dataclass, field

from scoring.errors import ConfigurationError
from scoring.model import ScoringModel
from scoring.registry import FittedUsers, Profile, Registry
from scoring.widgets.html.html_elements import format_signed
from scoring.widgets.panel_computation import PanelState, TuningSession

__all__ = ["ProfileSaver"]

_MAX_NAMED = 4


@dataclass
class ProfileSaver:
    """Loads and saves profiles of a registry.

    A model that makes a slice significantly worse is saved only when the user confirms it by a second save.
    """

    registry: Registry
    session: TuningSession
    parent: Profile | ScoringModel
    """Parent of the next saved profile: the profile that was loaded or saved last, or the initial model."""
    _warned: str | None = None
    _saved: str | None = None
    _references: dict[str, str] = field(default_factory=dict)
    """Digest of a model that was loaded or saved → NAME@VERSION."""

    @property
    def needs_confirmation(self) -> bool:
        """Whether a warning is pending, which the user confirms by a second save."""
        return self._warned is not None

    def names(self) -> list[str]:
        """Return NAME@VERSION of every readable profile, sorted by name, newest version first."""
        frame = self.registry.list()
        if not len(frame):
            return []
        readable = frame[frame["problem"].isna()].sort_values(["name", "version"], ascending=[True, False])
        return [f"{name}@{version}" for name, version in zip(readable["name"], readable["version"], strict=True)]

    def find_reference(self, model: ScoringModel) -> str | None:
        """Return NAME@VERSION of a model that this panel loaded or saved last under that name, otherwise None."""
        return self._references.get(model.digest)

    def load(self, name: str) -> ScoringModel:
        """Load a profile, and return its model.

        Raises
        ------
        ConfigurationError: If the name is empty or invalid.
        ModelError: If the profile does not exist or differs from the saved model.
        """
        if not name:
            raise ConfigurationError("No profile is chosen. Choose one next to Load.", key=("name",))
        self.parent = self.registry.use(name)
        self._warned = None
        return self._keep(self.parent).model

    def warning(self, state: PanelState) -> str:
        """Return a sentence about the slices that are significantly worse, or "".

        Raises
        ------
        ConfigurationError: If the slices are not computed yet.
        """
        worse = state.find_worse_slices()
        if not len(worse):
            return ""
        named = [
            f"{row['slicing']} {row['slice']} ({row['metric']} {format_signed(float(row['difference']))})"
            for row in worse.to_dict("records")
        ]
        more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
        return f"Significantly worse than the baseline: {', '.join(named[:_MAX_NAMED])}{more}."

    def save(self, name: str, model: ScoringModel, state: PanelState | None, note: str = "") -> Profile | str:
        """Save the model, and return the profile. If slices are worse, the first call returns a warning instead.

        Raises
        ------
        ConfigurationError: If the name is empty or invalid, or the slices of this model are not computed yet.
        """
        if not name.strip():
            raise ConfigurationError("A profile needs a name. Enter one next to Save.", key=("name",))
        self.registry.list_versions(name.strip())  # reject an invalid name before the warning
        if state is None or state.model != model or state.slices is None:
            raise ConfigurationError(
                "The panel has not evaluated these weights yet. Wait until its status line shows Done, then press Save "
                "again.",
                key=("state",),
            )
        warning = self.warning(state)
        if warning and model.digest not in (self._warned, self._saved):
            self._warned = model.digest
            return f"{warning} Press Save again to save it anyway."
        self._warned, self._saved = None, model.digest
        drawn = self.session.drawn_users
        self.parent = self.registry.save(
            name.strip(),
            model,
            parent=self.parent,
            found_on=self.session.data,
            metrics=self.session.metrics(state),
            note=note,
            users=FittedUsers.of(drawn["train"], drawn["validation"]),
        )
        return self._keep(self.parent)

    def _keep(self, profile: Profile) -> Profile:
        self._references[profile.model.digest] = profile.metadata.reference
        return profile
