"""The dialog that promotes a profile from the panel, with the checks and texts of `scoring profiles promote`."""

from __future__ import annotations

from typing import Any

from scoring.database.engines import format_url, parse_url
from scoring.errors import ConfigurationError, ScoringError, pluralize
from scoring.registry import Evidence, EvidenceError, Registry
from scoring.registry.promotion_evidence import format_change
from scoring.registry.promotion_evidence_text import describe_result, describe_slices, list_facts
from scoring.registry.promotion_requests import find_user_name

__all__ = ["PromotionDialog"]


class PromotionDialog:
    """Shows the evidence for a promotion, and promotes what it has shown.

    Both methods read the database, so they may take a second. They can be called on any thread, one at a time.

    Parameters
    ----------
    registry: The profiles.
    database: The database that a promotion applies to, as for `Registry.for_database`; None: promotions are rejected.
    """

    def __init__(self, registry: Registry, database: str | None) -> None:
        self._registry = registry if database is None else registry.for_database(database)
        self._database = database
        self._shown: dict[str, Any] | None = None

    def document(self, profile: str) -> dict[str, Any]:
        """Return the evidence of a profile for the page.

        Keys: profile · database · facts (label, value) · changes (measure, value, difference, text, low, high, kind,
        result) · slices · price · warnings · objections · needs_force · in_use (the promoted profile) · is_in_use.

        Raises
        ------
        ConfigurationError: If the panel has no database, or the profile does not exist.
        ModelError: If the model differs from the saved one.
        """
        self._shown = self._describe(self._registry.collect_evidence(self._require(profile)))
        return self._shown

    def find_promoted(self) -> str | None:
        """Return the promoted profile of the database; None without one, or if the database cannot be read."""
        if self._database is None:
            return None
        try:
            promoted = self._registry.find_promotion()
        except ScoringError:  # the evidence for a promotion reports it
            return None
        return None if promoted is None else promoted.reference

    def format_evaluation(self, reference: str, baseline: str) -> str:
        """Return the command that compares a profile with the promoted one, or else `baseline`, on test users."""
        first = self.find_promoted() or baseline
        return f"scoring evaluate {first} {reference} --on test{self._registry.format_options()}"

    def check_texts(self, note: str, force: str = "") -> None:
        """Check the texts of the form, without reading anything. `promote` checks them again.

        Raises
        ------
        ConfigurationError: If the note is blank, or the shown evidence has an objection and `force` is blank.
        """
        if not note.strip():
            raise ConfigurationError("A promotion needs a note. State the reason for it.", key=("note",))
        if self._shown is not None and self._shown["needs_force"] and not force.strip():
            raise ConfigurationError(
                "There are objections. To promote it anyway, give a reason in the field below the note.", key=("force",)
            )

    def promote(self, profile: str, note: str, force: str = "") -> str:
        """Promote a profile whose evidence was shown, and return a sentence.

        Parameters
        ----------
        note: Reason for the promotion.
        force: Reason to promote although there are objections; "" is none.

        Raises
        ------
        ConfigurationError: If the note is blank, an objection has no reason, the evidence was not shown or has changed
            since, or the profile is promoted already.
        """
        if not note.strip():
            self.check_texts(note, force)
        try:
            promoted = self._registry.promote(
                self._require(profile),
                note=note.strip(),
                force=force.strip() or None,
                review=self._review,
                approved_by=find_user_name(),
            )
        except EvidenceError as error:
            first, *others = error.evidence.objections
            more = f" There are {pluralize(len(others), 'further objection')}." if others else ""
            raise ConfigurationError(
                f"{profile} is not promoted. {first}{more} To promote it anyway, give a reason.", key=("force",)
            ) from error
        self._shown = None
        return f"Promoted {promoted.metadata.reference}. The next `scoring run` ranks with it."

    def _review(self, evidence: Evidence) -> None:
        """Check that the evidence is what the dialog shows."""
        if self._shown != self._describe(evidence):
            raise ConfigurationError(
                "The evidence has changed since it was shown, or was not shown. Open the dialog again and read it.",
                key=("evidence",),
            )

    def _require(self, profile: str) -> str:
        if self._database is None:
            raise ConfigurationError(
                "The panel was opened without a database. Open it with a database path to promote a profile.",
                key=("database",),
            )
        if not profile.strip():
            raise ConfigurationError("No profile is chosen. Save these weights first.", key=("profile",))
        return profile.strip()

    def _describe(self, evidence: Evidence) -> dict[str, Any]:
        assert self._database is not None, "checked before"
        access, in_use = evidence.access, self._registry.find_promotion()
        changes = {} if access is None else access.changes
        rows = []
        for measure, change in changes.items():
            kind, result = describe_result(evidence, measure, change)
            assert access is not None, "changes belong to an evaluation"
            rows.append(
                {
                    "measure": measure,
                    "value": access.metrics[measure].value,
                    "difference": change.difference,
                    "text": format_change(measure, change, evidence.currency),
                    "low": change.low,
                    "high": change.high,
                    "kind": kind,
                    "result": result,
                }
            )
        reference = evidence.profile.metadata.reference
        return {
            "profile": reference,
            "database": format_url(parse_url(self._database)),
            "facts": [{"label": label, "value": value} for label, value in list_facts(evidence)],
            "changes": rows,
            "slices": "" if access is None or not access.changes else describe_slices(access),
            "price": evidence.describe_worse_measures(),
            "warnings": list(evidence.warnings),
            "objections": list(evidence.objections),
            "needs_force": bool(evidence.objections),
            "in_use": None if in_use is None else in_use.reference,
            "is_in_use": in_use is not None and in_use.reference == reference,
        }
