"""Evidence for a promotion: the last evaluation of the model on test users, and the objections to a promotion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from scoring.columns.board_definition import DEFAULT_BOARD
from scoring.errors import ConfigurationError, ScoringError, pluralize, suggest
from scoring.registry.evaluation_log import Change, TestAccess, count_looks, find_same_users
from scoring.registry.profile_version import Profile
from scoring.registry.promotions import Promotion

__all__ = ["Evidence", "EvidenceError", "TestResult", "collect_evidence", "format_change"]

SAME_DATA: Final = 0.9
"""Evidence is of the same data if at least this share of its held-out pairs exists in the database."""


class EvidenceError(ScoringError, ValueError):
    """The evidence does not support a promotion, and no reason to promote anyway is given."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        first, *others = evidence.objections
        more = f" There are {pluralize(len(others), 'further objection')}." if others else ""
        super().__init__(f"{evidence.profile.metadata.reference} is not promoted. {first}{more} To promote it anyway, "
                         "give a reason with --force.")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """An evaluation of a model, with the goals and guards that it is read with."""

    __test__ = False  # pytest must not collect this class

    access: TestAccess | None
    """None: the model was never evaluated on test users."""
    n_looks: int | None
    """Number of looks at these users, including this one. None: they are not test users."""
    goals: tuple[str, ...] = ()
    """Goals that an evaluation on these users declared."""
    guards: tuple[str, ...] = ()
    """Measures that must not be significantly worse."""

    @property
    def currency(self) -> str:
        """The unit of amounts of money; empty if it is not known."""
        stated = None if self.access is None else self.access.currency
        return DEFAULT_BOARD.currency if stated is None else stated

    def frame(self) -> pd.DataFrame:
        """Return one row per measure; the frame is empty without an evaluation.

        Columns: measure · value · difference · low · high · relative · good (whether the difference is an improvement;
        missing if the measure has no good direction) · significant · worse.
        """
        columns = ["measure", "value", "difference", "low", "high", "relative", "good", "significant", "worse"]
        changes = {} if self.access is None else self.access.changes
        metrics = {} if self.access is None else self.access.metrics
        worse = self.list_worse_measures()
        rows = [
            (
                measure,
                metrics[measure].value,
                *(change.difference, change.low, change.high, change.relative, change.is_good),
                self.is_significant(measure),
                measure in worse,
            )
            for measure, change in changes.items()
        ]
        frame = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:6], "float64"))
        return frame.astype({"good": "boolean", "significant": "bool", "worse": "bool"})

    def list_worse_measures(self) -> dict[str, Change]:
        """Return measure → its change, for the measures that got worse significantly or by more than 10 %."""
        from scoring.evaluation.measure_info import is_price

        if self.access is None:
            return {}
        return {
            measure: change
            for measure, change in self.access.changes.items()
            if change.is_good is False and (self.is_significant(measure) or is_price(measure, change.relative or 0.0))
        }

    def is_significant(self, measure: str) -> bool:
        """Return whether a measure changed significantly. A guard is one test, so its interval decides."""
        assert self.access is not None, "a measure belongs to an evaluation"
        return _is_significant(self.access.changes[measure], measure in self.guards)

    def describe_worse_measures(self) -> str:
        """Return the measures that got worse in one sentence for the note of a promotion; empty if there are none."""
        worse = self.list_worse_measures()
        texts = [
            f"{measure} {format_change(measure, change, self.currency)}" + self._describe_doubt(measure)
            for measure, change in worse.items()
        ]
        return f"Given up on test users: {'; '.join(texts)}." if texts else ""

    def _describe_doubt(self, measure: str) -> str:
        assert self.access is not None, "a measure belongs to an evaluation"
        if self.is_significant(measure):
            return ""
        return ", which may be due to chance" if self.access.changes[measure].has_test else ", without a test"


@dataclass(frozen=True, kw_only=True)
class Evidence(TestResult):
    """The last evaluation of a profile's model on test users, and the objections to a promotion."""

    profile: Profile
    n_looks: int
    objections: tuple[str, ...]
    """Sentences that each require a reason for a promotion."""
    warnings: tuple[str, ...] = ()
    """Sentences to read before the decision."""


def format_change(measure: str, change: Change, currency: str) -> str:
    """Return a difference with its unit and its share of the baseline's value, such as -2,531 yen (-61%)."""
    from scoring.evaluation.measure_info import find_measure

    size = abs(change.difference)
    unit = find_measure(measure, currency).unit
    text = format(change.difference, "+,.0f" if size >= 1000 else "+.1f" if size >= 10 else "+.3f")
    text += f" {unit}" if unit and " " not in unit else ""
    return text if change.relative is None else f"{text} ({100 * change.relative:+.0f}%)"


def collect_evidence(
    profile: Profile,
    accesses: Sequence[TestAccess],
    *,
    guards: Sequence[str] = (),
    promoted: Promotion | None = None,
    measure_known_share: Callable[[TestAccess], float | None] | None = None,
    options: str = "",
) -> Evidence:
    """Return the evidence for a promotion.

    Parameters
    ----------
    profile: The profile to promote.
    accesses: All evaluations on test users, oldest first.
    guards: Measures that must not be significantly worse.
    promoted: The promotion of the version in use.
    measure_known_share: Returns the share of the held-out pairs of an evaluation that the database contains, or None
        if the key of its hashes is missing. None: not checked.
    options: Options of the database and the folder, for the commands in the sentences.

    Raises
    ------
    ConfigurationError: If a guard is not a measure of the evaluation, or has no test there.
    """
    access = _choose_access(accesses, profile.digest)
    if promoted is not None and promoted.digest == profile.digest:
        promoted = None  # a version is not compared with itself
    baseline = "standard" if promoted is None else promoted.reference
    if access is None:
        _check_guards(guards)
        objection = _explain_missing(profile, accesses, baseline, options)
        return Evidence(profile=profile, access=None, n_looks=0, objections=(objection,))
    objections, warnings = [], []
    same_users = [other for other in find_same_users(accesses, access) if other.digest == profile.digest]
    goals = tuple(dict.fromkeys(goal for other in same_users for goal in other.goals))
    if not access.changes:
        objections.append("Its evaluation on test users does not compare it with another model.")
    elif access.n_cuts is not None and not access.goals:
        objections.append("Its evaluation at several cuts declares no goal. Declare one with evaluate --goal.")
    if access.n_fitted_users is None or access.n_users is None:
        objections.append("Its evaluation was recorded by an earlier version, without the users.")
    elif access.n_fitted_users:
        objections.append(
            f"It was fitted or selected on {access.n_fitted_users:,} of the {access.n_users:,} users of its evaluation."
        )
    losses, accepted = _find_losses(access, same_users, goals, guards)
    objections += losses
    warnings += accepted
    if access.sketch and measure_known_share is not None:
        share = measure_known_share(access)
        if share is None:
            objections.append(
                "It is unknown whether its evaluation is of this data: test_looks.key does not contain the key of the "
                "evaluation. Add the line from the folder in which it was made."
            )
        elif share < SAME_DATA:
            objections.append(
                f"Its evaluation is of other data: the database contains {share:.0%} of the held-out actions."
            )
    if promoted is not None and access.baseline_digest not in (None, promoted.digest):
        warnings.append(
            f"The evidence compares with {access.baseline}, but {promoted.reference} is promoted. To compare with it: "
            f"`scoring evaluate {promoted.reference} {profile.metadata.reference} --on test{options}`."
        )
    n_looks = count_looks(accesses, access.holdout, access.sketch, access.sketch_key)
    return Evidence(
        profile=profile,
        access=access,
        n_looks=n_looks,
        objections=tuple(objections),
        warnings=tuple(warnings),
        goals=goals,
        guards=tuple(guards),
    )


def _choose_access(accesses: Sequence[TestAccess], digest: str) -> TestAccess | None:
    """Return the newest comparison on users that the model was not fitted on, otherwise the newest evaluation.

    A comparison at several cuts needs a declared goal.
    """
    newest_first = [access for access in reversed(accesses) if access.digest == digest]
    independent = (
        access
        for access in newest_first
        if access.changes and access.n_fitted_users == 0 and (access.n_cuts is None or access.goals)
    )
    return next(independent, newest_first[0] if newest_first else None)


def _check_guards(guards: Sequence[str]) -> None:
    """Raise ConfigurationError for a guard that is not a measure."""
    from scoring.evaluation.measure_info import MEASURES

    for guard in guards:
        label, _, k = guard.rpartition("@")
        if label not in MEASURES or not k.isdecimal():
            known = suggest(label or guard, MEASURES).removesuffix(".")
            raise ConfigurationError(
                f"--guard {guard}: not a measure. {known}; followed by @ and a number of ranks.", key=("--guard",)
            )


def _explain_missing(profile: Profile, accesses: Sequence[TestAccess], baseline: str, options: str) -> str:
    name, reference = profile.name, profile.metadata.reference
    advice = f"To evaluate it: `scoring evaluate {baseline} {reference} --on test{options}`."
    if any((access.profile or "").partition("@")[0] == name for access in accesses):
        return (
            f"Another version of {name} was evaluated on test users, with other weights, parameters or rules, but not "
            f"this one. {advice}"
        )
    return f"Its model was never evaluated on test users. {advice}"


def _find_losses(
    access: TestAccess, same_users: Sequence[TestAccess], goals: Sequence[str], guards: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return objections for goals, guards and floors, and the losses of goals that the search accepted beforehand.

    A goal or floor that an earlier evaluation on the same users declared stays declared: a later evaluation without it
    does not remove a loss. A loss is accepted if every evaluation that declares the goal also declares a limit of it,
    and all these limits are kept. It holds for differences from the same baseline only.
    """
    unknown = [guard for guard in guards if guard not in access.changes]
    if unknown:
        raise ConfigurationError(
            f"--guard {unknown[0]}: the evaluation does not contain this measure. "
            f"{suggest(unknown[0], access.changes)}",
            key=("--guard",),
        )
    untested = [guard for guard in guards if not access.changes[guard].has_test]
    if untested:
        raise ConfigurationError(
            f"--guard {untested[0]}: the evaluation has no test of this measure. Evaluate without --cuts, or use "
            "another guard.",
            key=("guards", untested[0]),
        )
    losses, accepted = {}, {}
    for other in (*same_users, access):
        for name in goals:
            change = other.changes.get(name)
            if change is None or change.is_good is not False or not change.is_significant:
                continue
            loss = f"The declared goal {name} is significantly worse: {change.difference:+.4g}."
            declaring = [one for one in same_users if name in one.goals]
            limits = [[limit for limit in one.limits or () if limit.measure == name] for one in declaring]
            broken = {limit.text: None for some in limits for limit in some if not limit.is_kept}
            if broken:
                losses[name] = f"{loss} The declared limit {' and '.join(broken)} is not kept."
            elif all(limits) and all(one.baseline_digest == other.baseline_digest for one in declaring):
                kept = {limit.text: None for some in limits for limit in some}
                accepted[name] = f"{loss} The search accepted it before the test: {' and '.join(kept)} is kept."
            else:
                losses[name] = loss
    for name in guards:
        change = access.changes[name]
        if change.is_good is False and _is_significant(change, True):
            losses.setdefault(name, f"The guard {name} is significantly worse: {change.difference:+.4g}.")
    floors = dict.fromkeys(name for other in same_users for name in other.broken_floors)
    objections = [*losses.values(), *(f"The floor {name} is not kept on test users." for name in floors)]
    return objections, [text for name, text in accepted.items() if name not in losses]


def _is_significant(change: Change, is_guard: bool) -> bool:
    """Return whether a change is significant. Marks are corrected for the other tests, the interval is not."""
    if not is_guard or change.low is None or change.high is None:
        return change.is_significant
    return change.low > 0 or change.high < 0
