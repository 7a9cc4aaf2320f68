"""What a report states about a change of the model, before it is laid out as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pandas as pd

from scoring.errors import ModelError, OutputError
from scoring.model import ScoringModel
from scoring.model_catalog import list_preset_names, load_model
from scoring.model_report.list_changes import ListChanges
from scoring.registry import Profile, ProfileDiff, Registry
from scoring.registry.evaluation_file import SavedEvaluation
from scoring.registry.evaluation_log import SavedSlice, TestAccess
from scoring.registry.promotion_evidence import TestResult
from scoring.registry.promotions import Promotion
from scoring.runs.gate.verdict import Outcome, read_outcome, summarize_record

__all__ = [
    "Baseline",
    "Decision",
    "ReportContent",
    "RunFacts",
    "collect_evaluation_content",
    "collect_profile_content",
    "collect_run_content",
    "find_baseline",
]

Kind = Literal["profile", "run", "evaluation"]


@dataclass(frozen=True)
class Baseline:
    """The model that a report compares with, and the reason for it."""

    model: ScoringModel | None
    """None: its components are not given."""
    name: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """The promotions of a model, and the one in use."""

    promotions: tuple[Promotion, ...]
    """Promotions and rollbacks of the model, oldest first."""
    in_use: Promotion | None
    """The promotion of the version in use, of any model."""
    is_in_use: bool

    @classmethod
    def of(cls, registry: Registry, digest: str) -> Decision:
        """Return the promotions of the model with this digest."""
        entries, in_use = registry.list_decisions(), registry.find_promotion()
        own = tuple(entry for entry in entries if entry.digest == digest)
        return cls(own, in_use, in_use is not None and in_use.digest == digest)


@dataclass(frozen=True)
class RunFacts:
    """Facts of a run from its manifest."""

    run_id: str
    replaced: str | None
    """The run that it was compared with before it was published; None: there was none."""
    created_at: datetime
    as_of: datetime
    k: int
    counts: Mapping[str, int]
    """Numbers of users with a list, and of jobs that could be listed."""
    gate: Mapping[str, Any] | None
    is_latest: bool
    is_forced: bool

    @classmethod
    def of(cls, manifest: Mapping[str, Any], latest: str | None) -> RunFacts:
        """Return the facts of a manifest. `latest` is the id of the run in use.

        Raises
        ------
        OutputError: If the manifest lacks a value or contains an invalid one.
        """
        try:
            return cls._read(manifest, latest)
        except (LookupError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
            raise OutputError(
                f"The manifest of run {manifest.get('run_id')} is damaged ({problem}). Give another run.",
                reason="damaged",
            ) from error

    @classmethod
    def _read(cls, manifest: Mapping[str, Any], latest: str | None) -> RunFacts:
        gate = manifest.get("gate")
        outcome = None if gate is None else read_outcome(gate)
        if gate is not None:
            summarize_record(gate)  # raises if the verdict is damaged
        return cls(
            run_id=manifest["run_id"],
            replaced=None if gate is None else gate["against"],
            created_at=datetime.fromisoformat(manifest["created_at"]),
            as_of=datetime.fromisoformat(manifest["as_of"]),
            k=manifest["k"],
            counts={name: manifest["counts"][name] for name in ("users_scored", "jobs_ranked")},
            gate=gate,
            is_latest=manifest["run_id"] == latest,
            is_forced=outcome is Outcome.FORCED,
        )


@dataclass(frozen=True)
class ReportContent:
    """Everything that a report shows. A value that is not known is None, and the page states it."""

    kind: Kind
    name: str
    """NAME@VERSION of a profile, the id of a run, or the name of the evaluated model."""
    model: ScoringModel | None
    baseline: Baseline | None
    profile: Profile | None
    evidence: TestResult | None
    doubts: tuple[str, ...]
    """Sentences to read before a decision."""
    baseline_values: Mapping[str, float]
    """Measure → value of the baseline in the evaluation."""
    lists: ListChanges | None
    lists_problem: str
    """Why the lists were not compared; empty if they were."""
    decision: Decision
    run: RunFacts | None = None
    level: float | None = None
    """Confidence level of the intervals. None: not recorded."""
    notes: tuple[str, ...] = ()
    """Caveats of the evaluation."""
    slices: tuple[SavedSlice, ...] = ()
    """Differences by slice. Empty: only the names of worse slices are recorded, in the evaluation."""

    @property
    def diff(self) -> ProfileDiff | None:
        """The differences from the baseline's model."""
        if self.model is None or self.baseline is None or self.baseline.model is None:
            return None
        return ProfileDiff(self.baseline.model, self.model)

    @property
    def is_change_tested(self) -> bool:
        """Whether the evaluation compares the model with the baseline of this report."""
        access, baseline = self.access, self.baseline
        if access is None or not access.changes or baseline is None:
            return False
        return baseline.model is None or access.baseline_digest in (None, baseline.model.digest)

    @property
    def access(self) -> TestAccess | None:
        """The evaluation on test users."""
        return None if self.evidence is None else self.evidence.access


def collect_profile_content(
    registry: Registry,
    profile: Profile,
    baseline: Baseline,
    lists: ListChanges | None,
    lists_problem: str = "",
) -> ReportContent:
    """Return the content of a report about a profile. `baseline` is that of `find_baseline`."""
    evidence = registry.collect_evidence_of(profile)
    return ReportContent(
        kind="profile",
        name=profile.metadata.reference,
        model=profile.model,
        baseline=baseline,
        profile=profile,
        evidence=evidence,
        doubts=(*evidence.objections, *evidence.warnings),
        baseline_values=_find_baseline_values(registry, evidence.access),
        lists=lists,
        lists_problem=lists_problem,
        decision=Decision.of(registry, profile.digest),
        slices=_find_slices(evidence),
    )


def collect_run_content(
    registry: Registry,
    run: RunFacts,
    profile: Profile | None,
    models: tuple[ScoringModel | None, ScoringModel | None],
    lists: ListChanges | None,
    lists_problem: str = "",
) -> ReportContent:
    """Return the content of a report about a run.

    Parameters
    ----------
    run: Facts of the run.
    profile: The saved profile with the model of the run; None: none exists.
    models: The models of the replaced run and of this run; None: not known.
    lists: The comparison with the lists of the replaced run.
    """
    before, after = models
    evidence = None if profile is None else registry.collect_evidence_of(profile)
    return ReportContent(
        kind="run",
        name=run.run_id,
        model=after,
        baseline=None
        if before is None
        else Baseline(before, before.name, f"This is the model of the replaced run, {run.replaced}."),
        profile=profile,
        evidence=evidence,
        doubts=() if evidence is None else evidence.objections,
        baseline_values={} if evidence is None else _find_baseline_values(registry, evidence.access),
        lists=lists,
        lists_problem=lists_problem,
        decision=Decision.of(registry, "" if after is None else after.digest),
        run=run,
        slices=_find_slices(evidence),
    )


def collect_evaluation_content(
    registry: Registry,
    evaluation: SavedEvaluation,
    models: tuple[ScoringModel | None, ScoringModel | None],
    lists: ListChanges | None,
    lists_problem: str = "",
) -> ReportContent:
    """Return the content of a report about an evaluation.

    Parameters
    ----------
    evaluation: The content of its file.
    models: The baseline and the model; None: its components are not given.
    lists: The comparison of their lists.
    """
    before, after = models
    access = evaluation.access
    profile = registry.find_profile(evaluation.model.digest)
    return ReportContent(
        kind="evaluation",
        name=evaluation.model.name if profile is None else profile.metadata.reference,
        model=after,
        baseline=Baseline(before, evaluation.baseline.name, "It is the first model of the evaluation."),
        profile=profile,
        evidence=TestResult(access=access, n_looks=evaluation.n_looks, goals=access.goals),
        doubts=_find_doubts(access),
        baseline_values={name: metric.value for name, metric in evaluation.baseline_metrics.items()},
        lists=lists,
        lists_problem=lists_problem,
        decision=Decision.of(registry, evaluation.model.digest),
        level=evaluation.level,
        notes=evaluation.notes,
        slices=evaluation.slices,
    )


def _find_slices(evidence: TestResult | None) -> tuple[SavedSlice, ...]:
    """Return the differences by slice that the log of evaluations contains."""
    access = None if evidence is None else evidence.access
    return () if access is None else access.slices or ()


def _find_doubts(access: TestAccess) -> tuple[str, ...]:
    doubts = []
    if access.split != "test":
        doubts.append(
            "This is not a final test: models are chosen by their results on these users. The chosen model must still "
            "be evaluated once on users who were kept for tests."
        )
    if access.n_fitted_users and access.n_users is not None:
        users = f"all {access.n_users:,}"
        if access.n_fitted_users < access.n_users:
            users = f"{access.n_fitted_users:,} of the {access.n_users:,}"
        doubts.append(f"The model was fitted or selected on {users} users of this evaluation. Results are too good.")
    return tuple(doubts)


def find_baseline(registry: Registry, profile: Profile) -> Baseline:
    """Return the model that a report about a profile compares with.

    It is the first one that is known of: the baseline of its evaluation on test users, the version in use before it or
    instead of it, its parent, and `standard`.
    """
    access = registry.collect_evidence_of(profile).access
    if access is not None and access.baseline_digest is not None:
        found = _find_model(registry, access.baseline_digest)
        if found is not None:
            name = access.baseline or found.name
            return Baseline(found, name, "The evaluation on test users compares with it.")
    replaced = _find_replaced(registry.list_decisions(), profile.digest)
    if replaced is not None:
        found = _find_model(registry, replaced.digest)
        if found is not None:
            is_before = any(entry.digest == profile.digest for entry in registry.list_decisions())
            reason = "It was in use before." if is_before else "It is in use now."
            return Baseline(found, replaced.reference, reason)
    parent = profile.metadata.parent
    if parent is not None and parent.digest != profile.digest:
        found = _find_model(registry, parent.digest)
        if found is not None:
            return Baseline(found, str(parent), f"{profile.metadata.reference} was derived from it.")
    return Baseline(load_model("standard"), "standard", "It is the model of a new installation.")


def _find_replaced(entries: Sequence[Promotion], digest: str) -> Promotion | None:
    """Return the promotion before the last one of this model, or the last one if the model was never promoted."""
    own = [place for place, entry in enumerate(entries) if entry.digest == digest]
    earlier = entries[: own[-1]] if own else entries
    return next((entry for entry in reversed(earlier) if entry.digest != digest), None)


def _find_model(registry: Registry, digest: str) -> ScoringModel | None:
    for name in list_preset_names():
        model = load_model(name)
        if model.digest == digest:
            return model
    try:
        profile = registry.find_profile(digest)
    except ModelError:  # a component of the baseline is not given
        return None
    return None if profile is None else profile.model


def _find_baseline_values(registry: Registry, access: TestAccess | None) -> dict[str, float]:
    """Return the measures of the baseline in the same evaluation; empty if they are not recorded."""
    if access is None or access.baseline_digest is None:
        return {}
    frame = registry.list_test_accesses()
    if frame.empty:
        return {}
    rows = frame[
        (frame["holdout"] == access.holdout)
        & (frame["look"] == access.look)
        & (frame["digest"] == access.baseline_digest)
    ]
    if rows.empty:
        return {}
    row = rows.iloc[-1]
    return {name: float(row[name]) for name in access.changes if name in row and not pd.isna(row[name])}
