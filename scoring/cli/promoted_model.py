"""The model that `scoring run` ranks with: the promoted profile of the database, or `standard`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.cli.input_loader import read_components, read_model
from scoring.cli.options import DEFAULT_PROFILES

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.database.database import Database
    from scoring.model import ScoringModel
    from scoring.registry import Registry
    from scoring.registry.promotions import Promotion

__all__ = ["ModelChoice", "ModelSource", "choose_model", "require_reason", "warn_about_other_lists"]

PROMOTED = "promoted"
"""Value of --profile for the promoted profile."""


@dataclass(frozen=True)
class ModelSource:
    """The options that name a model."""

    model: str | None
    weights: Path | None
    profile: str | None
    profiles: Path
    components: list[Path] | None

    def list_options(self) -> dict[str, tuple[Any, Any]]:
        """Return option → its value and its default, for `print_next`."""
        return {
            "model": (self.model, None),
            "weights": (self.weights, None),
            "profile": (self.profile, None),
            "profiles": (self.profiles, DEFAULT_PROFILES),
            "component": (self.components, None),
        }

    def read(self) -> ScoringModel | None:
        """Return the named model. None: the promoted profile, or `standard`.

        Raises
        ------
        ModelError: If the model, the weights, the profile or a component file is invalid.
        ConfigurationError: If both a profile and a model or weights are given.
        """
        if self.model is None and self.weights is None and self.profile in (None, PROMOTED):
            return None
        return read_model(self.model, self.weights, self.components, self.profile, self.profiles)


@dataclass(frozen=True)
class ModelChoice:
    """A model and the reason for it."""

    model: ScoringModel
    model_change: str | None = None
    """Why the model may differ from that of the published run; see `scoring.runs.gate.Gate`."""
    text: str = ""
    """What to print about the choice."""
    notes: tuple[str, ...] = ()
    """Facts for the manifest of a run."""
    promoted: str | None = None
    """The promoted profile, if the model is another one."""


def choose_model(
    source: ModelSource,
    given: ScoringModel | None,
    database: Database,
    progress: Progress,
    *,
    instead: str | None = None,
) -> ModelChoice:
    """Return the given model, the promoted profile if none is given, or `standard` if none is promoted.

    Print a warning if `standard` replaces a promotion of the folder that does not apply to the database.

    Raises
    ------
    ConfigurationError: If no profile is promoted although --profile promoted is given.
    ModelError: If the promoted profile cannot be used.
    """
    from scoring.errors import ConfigurationError, make_printable
    from scoring.model_catalog import load_model

    registry = _open_registry(source, database)
    decision = None if registry is None else registry.find_promotion()
    if registry is None or decision is None:
        ignored = None if registry is None else registry.find_ignored_promotion()
        ignored_text = "" if ignored is None else _describe_ignored(ignored, source, database)
        if source.profile == PROMOTED:
            raise ConfigurationError(
                ignored_text
                or f"No profile is promoted for {database.display}. Promote one with `scoring profiles promote NAME "
                "--note TEXT`.",
                key=("--profile",),
            )
        if given is None and ignored_text:
            progress.print_line(f"warning: {ignored_text} The model is standard.")
        return ModelChoice(given or load_model("standard"))
    if given is None:
        profile = registry.load_promotion(decision)
        return ModelChoice(profile.model, str(decision), f"model {decision.reference}: {_describe(decision)}")
    if given.digest == decision.digest:
        return ModelChoice(given, str(decision), f"model {given.name}, as promoted: {_describe(decision)}")
    if instead is None:
        text = f"model {given.name}, not the promoted {decision.reference}"
        return ModelChoice(given, text=text, promoted=decision.reference)
    text = f"model {given.name}, instead of the promoted {decision.reference}: {instead}"
    return ModelChoice(given, "--instead was given", make_printable(text, 2_000), (text,))


def require_reason(choice: ModelChoice) -> None:
    """Check the choice of a run that replaces the published one.

    Raises
    ------
    ConfigurationError: If the model is not the promoted profile, and no reason is given.
    """
    from scoring.errors import ConfigurationError

    if choice.promoted is not None:
        raise ConfigurationError(
            f"{choice.promoted} is promoted, but this run would publish lists of {choice.model.name}. Omit the model, "
            "or give a reason with --instead REASON. To keep the published lists, use --no-database and another --out.",
            key=("--instead",),
        )


def warn_about_other_lists(database: Database, progress: Progress) -> None:
    """Print a warning if the published lists are of another model than the promoted profile."""
    from scoring.registry.promotion_storage import PromotedTable

    table = PromotedTable(database)
    promotions = table.read()
    if promotions and promotions[-1].digest != table.read_current_digest():
        reference = promotions[-1].reference
        progress.print_line(
            f"warning: {reference} is promoted, but the published lists are of another model. The next `scoring run` "
            f"publishes lists of {reference}."
        )


def _open_registry(source: ModelSource, database: Database) -> Registry | None:
    """Return the registry. None: neither the database nor the folder records a promotion.

    Importing the registry takes a tenth of a second, which a run without promotions does not need.
    """
    from sqlalchemy import inspect, select

    from scoring.database.schema import promoted
    from scoring.storage.os_errors import wrap_os_errors

    with wrap_os_errors(source.profiles, "read"):
        is_recorded = (source.profiles / "promotions.jsonl").exists()
    if not is_recorded:
        is_recorded = database.read(
            lambda connection: (
                inspect(connection).has_table(promoted.name)
                and connection.execute(select(promoted.c.number).limit(1)).first() is not None
            )
        )
    if not is_recorded:
        return None
    from scoring.registry import Registry

    classes = read_components(source.components)
    return Registry(source.profiles, database=database, components=classes)


def _describe(decision: Promotion) -> str:
    from scoring.errors import make_printable

    verb = "promoted" if decision.action == "promote" else "restored by a rollback"
    return f"{verb} on {decision.at:%Y-%m-%d}" + (f". {make_printable(decision.note, 2_000)}" if decision.note else "")


def _describe_ignored(ignored: Promotion, source: ModelSource, database: Database) -> str:
    return (
        f"{ignored} in {source.profiles}, but not for {database.display}, whose published run has another model. To "
        f"promote it: scoring profiles promote {ignored.reference} --note TEXT."
    )
