"""The verdict of a gate on a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

import pandas as pd

from scoring.errors import ScoringError, printable
from scoring.runs.gate.rules import FALL, Rule
from scoring.runs.publishers import RunInfo

__all__ = ["BY_PREVIOUS_MODEL", "GateFailedError", "Measure", "Outcome", "Verdict", "read_outcome", "summarize_record"]


class Outcome(StrEnum):
    """The decision of a gate. The values are stored in manifests, journals and databases."""

    PASSED = "passed"
    FORCED = "forced"
    KEPT_ASIDE = "kept aside"


BY_PREVIOUS_MODEL: Final = " by last night's model"

Unit = Literal["share", "count", "points", "number", "yen"]


@dataclass(frozen=True)
class Measure:
    """One figure of both runs, and its limit. `None` means not measurable, or unlimited."""

    key: str
    name: str
    before: float | None
    after: float | None
    limit: float | None
    rule: Rule
    unit: Unit
    as_before: bool = False
    """Whether the new data was ranked by the previous model."""

    @property
    def beyond(self) -> bool:
        return self.rule.broken(self.before, self.after, self.limit)

    @property
    def allowed(self) -> str:
        """The limit in words, such as "at most 10 %"."""
        if self.limit is None:
            return "no limit"
        as_share = self.unit == "share" or self.rule is FALL
        return self.rule.says.format(f"{100 * self.limit:g} %" if as_share else f"{self.limit:g}")

    @property
    def said(self) -> str:
        if self.beyond:
            return "BEYOND"
        if self.limit is None:
            return "–"
        known = self.after is not None and (self.before is not None or self.rule.alone)
        return "within" if known else "not measured"

    def shown(self, value: float | None) -> str:
        if value is None:
            return "–"
        forms = {"share": f"{100 * value:.1f} %", "points": f"{value:.2f}", "number": f"{value:.3f}"}
        return forms.get(self.unit, f"{value:,.0f}")


@dataclass(frozen=True, repr=False)
class Verdict:
    """The comparison of a new run (`tonight`) with an earlier run (`against`; None: no earlier run), by measure."""

    tonight: RunInfo
    against: RunInfo | None
    place: str
    """The folder or database from which the earlier run was read."""
    measures: tuple[Measure, ...]
    notes: tuple[str, ...] = ()
    """Facts that explain the comparison, such as a changed model or a damaged earlier run."""
    force: str | None = None
    """The reason for publishing the run although a limit is exceeded."""

    @property
    def beyond(self) -> tuple[Measure, ...]:
        return tuple(measure for measure in self.measures if measure.beyond)

    @property
    def outcome(self) -> Outcome:
        if not self.beyond:
            return Outcome.PASSED
        return Outcome.KEPT_ASIDE if self.force is None else Outcome.FORCED

    def __repr__(self) -> str:
        return f"Verdict({self.line()})"

    def _repr_html_(self) -> str:
        return f"<p>{self.line()}</p>{self.frame().to_html()}"

    def frame(self) -> pd.DataFrame:
        """Return one row for each measure.

        Columns: `last_night` and `tonight` (values of the earlier and the new run), `limit`, `allowed` (the limit in
        words), `beyond` (the limit is exceeded), `as_before` (the new data was ranked by the previous model).
        """
        rows = [
            (one.name, one.before, one.after, one.limit, one.allowed, one.beyond, one.as_before)
            for one in self.measures
        ]
        columns = ["measure", "last_night", "tonight", "limit", "allowed", "beyond", "as_before"]
        kinds = dict.fromkeys(("last_night", "tonight", "limit"), "float64") | dict.fromkeys(columns[5:], "bool")
        return pd.DataFrame(rows, columns=columns).astype(kinds).set_index("measure")

    def line(self) -> str:
        """Return the verdict in one line."""
        return summarize_record(self.record())

    def record(self) -> dict[str, Any]:
        """Return the verdict as numbers and text, for a manifest."""
        return {
            "outcome": self.outcome.value,
            "reason": self.force,
            "against": None if self.against is None else self.against.run_id,
            "place": self.place,
            "notes": list(self.notes),
            "measures": {
                one.key: {"name": one.name, "last_night": one.before, "tonight": one.after, "limit": one.limit,
                          "beyond": one.beyond, "as_before": one.as_before,
                          "shown": f"{_shown(one)} ({one.allowed})"}
                for one in self.measures
            },
        }  # fmt: skip


def _shown(one: Measure) -> str:
    name, after = f"{one.name}{BY_PREVIOUS_MODEL if one.as_before else ''}", one.shown(one.after)
    return f"{name} {after}" if one.rule.alone else f"{name} {one.shown(one.before)} → {after}"


def read_outcome(record: Mapping[str, Any]) -> Outcome:
    """Return the outcome stored in the record of a verdict. Raises ValueError, KeyError if it stores no valid one."""
    return Outcome(record["outcome"])


def summarize_record(record: Mapping[str, Any]) -> str:
    """Return the record of a verdict in one line."""
    if record["against"] is None:
        return "; ".join(["passed: nothing to compare with", *record["notes"]])
    measures = record["measures"]
    beyond = [one["shown"] for one in measures.values() if one["beyond"]]
    if record["outcome"] == Outcome.PASSED:
        keys = ["jobs_kept", "coverage", "mean_score"]
        keys[:0] = ["jobs_kept_as_before"] if "jobs_kept_as_before" in measures else []
        some = (measures[key]["shown"].rsplit(" (", 1)[0] for key in keys)
        said = f"passed against run {record['against']}: {', '.join(some)}"
    elif record["outcome"] == Outcome.KEPT_ASIDE:
        said = f"kept aside, against run {record['against']}: {', '.join(beyond)}"
    else:
        said = f"forced ({printable(record['reason'])}), against run {record['against']}: {', '.join(beyond)}"
    return "; ".join([said, *record["notes"]])


class GateFailedError(ScoringError, RuntimeError):
    """A complete run exceeds a limit of its gate. It is kept, but not published. `verdict` has the measures."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        assert verdict.against is not None, "there is something that it is beyond"
        first, n_beyond = verdict.beyond[0], len(verdict.beyond)
        others = f" and {n_beyond - 1} more of {len(verdict.measures)} measures" if n_beyond > 1 else ""
        super().__init__(
            f"Run {verdict.tonight.run_id} is kept aside, not published: {_shown(first)} ({first.allowed}){others} "
            f"{'are' if others else 'is'} beyond the limits. Readers still get run "
            f"{verdict.against.run_id}. To publish it all the same: `scoring runs publish {verdict.tonight.run_id} "
            "--force REASON`, or the same command with --resume --force REASON."
        )
