"""The content of a report about a profile, from the inputs of the golden pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scoring.model_report import ReportContent
from scoring.model_report.list_changes import ListChanges
from scoring.model_report.report_content import Baseline, Decision
from scoring.registry import Profile
from scoring.registry.metadata import ProfileMetadata
from scoring.registry.promotions import StoredPromotion
from tests.cli.golden import pages

__all__ = ["make_content"]

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


def make_content() -> ReportContent:
    """Return a profile in use whose goal got worse, with a comparison of two lists."""
    diff, evidence = pages.make_diff(), pages.make_evidence()
    metadata = ProfileMetadata(
        name="night", version=2, saved_at=AT, model="changed", digest=diff.b.digest, code_version="0.2", author="山田"
    )
    profile = Profile(metadata, diff.b)
    known: dict[str, Any] = {"at": AT, "action": "promote", "name": "night", "version": 2, "digest": diff.b.digest}
    promotion = StoredPromotion(**known, note="Better.\nFee falls.", model="", requested_by="Sato", approved_by="Ito")
    return ReportContent(
        kind="profile",
        name="night@2",
        model=diff.b,
        baseline=Baseline(diff.a, "standard", "It was in use before."),
        profile=profile,
        evidence=replace(evidence, profile=profile),
        doubts=(*evidence.objections, *evidence.warnings),
        baseline_values={"NDCG@10": 0.477},
        lists=ListChanges.of(pages.make_comparison()),
        lists_problem="",
        decision=Decision((promotion,), promotion, True),
    )
