"""The printed pages, rendered from fixed inputs. Tables of frames are rendered from frames with fixed values."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import pandas as pd
from rich.console import Console, Group
from rich.text import Text

import scoring
from scoring.bundle.ranked_lists import Ranking
from scoring.cli.tables import (
    audience,
    comparison,
    data_check,
    evaluation,
    explanation,
    model_contents,
    profiles,
    promotion_evidence,
    reach,
    runs,
    tuning,
)
from scoring.cli.tables.backtest import render_backtest
from scoring.cli.tables.cluster_check import render_check
from scoring.cli.tables.learned import render_import
from scoring.cli.tables.live_status import render_status
from scoring.data_check import DataCheck, Finding
from scoring.evaluation import Backtest, Comparison, JobSlicing, Scoreboard, Slicing
from scoring.evaluation.backtest import BacktestCut
from scoring.evaluation.job_rank import FullRank
from scoring.evaluation.measure_values import MeasureValues
from scoring.evaluation.metrics import NDCG
from scoring.evaluation.rank_change_waterfall import Change, Waterfall
from scoring.importing import ImportReport
from scoring.learning.sidecar import LinkSpec
from scoring.live.log_status import LogReader, LogStatus
from scoring.model import Inputs
from scoring.model_catalog import list_preset_names
from scoring.registry import Evidence, Metric, Profile, ProfileDiff
from scoring.registry.evaluation_log import Change as MeasureChange
from scoring.registry.evaluation_log import TestAccess
from scoring.registry.metadata import ProfileMetadata
from scoring.runs import report
from scoring.runs.executors.cluster_check import ClusterCheck
from scoring.runs.executors.cluster_events import Admitted, Excluded
from scoring.runs.gate import console_table, rules
from scoring.runs.gate.verdict import Measure, Verdict
from scoring.runs.history import RunRecord, RunStatus
from scoring.runs.publishers import Destination, RunInfo
from scoring.telemetry import Phase
from scoring.training import ModelImport
from scoring.tuning import Reach
from scoring.tuning.job_audience_result import Audience
from scoring.validation.report import TableReport
from tests.support import golden_cases
from tests.support.ranking_builder import jackknife_of

__all__ = ["FOLDER", "PAGES", "WIDTH", "make_comparison", "make_diff", "make_evidence", "text_of"]

FOLDER: Final = Path(__file__).parent
WIDTH: Final = 80
AS_OF: Final = datetime(2025, 6, 30, 12, tzinfo=UTC)
RUN_ID: Final = "20250630-120501-017-0a1b2c"
EARLIER_ID: Final = "20250629-120459-311-3d4e5f"


def text_of(page: Any) -> str:
    """Return a page as it is printed on a console of 80 columns, without spaces at line ends.

    A page that is a string consists of lines that the command does not wrap.
    """
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None, highlight=False)
    console.print(page, soft_wrap=isinstance(page, str), markup=False)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines) + "\n"


# check


def check() -> Any:
    """Return the findings of a board with a problem, two warnings and facts."""
    found = (
        Finding("rejected rows", "info", "all loaded rows are valid"),
        Finding("missing values", "info", "missing values of jobs: max_salary 39.9%, address 11.9%"),
        Finding("missing values", "info", "missing values of users: none"),
        Finding(
            "times of 1970",
            "warning",
            "jobs.expires_at: all 500 times are in January 1970, the newest 1970-01-21 05:09:44",
            "These are numbers since 1970: state `unit: s` or `unit: ms` in the mapping.",
        ),
        Finding("jobs", "problem", "no job is open at 2025-06-30 12:00 UTC (500 jobs: 0 open, 500 expired)", "Import."),
        Finding("constant components", "warning", "clicks (weight 9.0%) is constant: 40 for 100% of the open jobs"),
    )
    return data_check.render_check(DataCheck(found))


# run, runs


def _line(job_id: int, title: str | None, company: str | None, points: dict[str, dict[str, float]]) -> report.Line:
    groups = {group: math.fsum(components.values()) for group, components in points.items()}
    return report.Line(job_id, math.fsum(groups.values()), title, company, groups, points)


def run_report() -> Any:
    """Return the report of a resumed run with rejected rows."""
    base = {"fee": 7.5, "wage": 3.21, "popularity": 2.0, "access": 1.25, "freshness": 4.44}
    match, personal = {"location": 12.0, "category": 8.25, "conditions": 3.5}, {"history": 0.0, "collaborative": 18.75}
    phases = [("start", 0, 0.71), ("load", 0, 1.32), ("read", 1, 0.88), ("encode", 0, 0.21), ("ranking", 0, 0.95)]
    page = report.Report(
        run_id=RUN_ID,
        model="standard",
        as_of=AS_OF,
        k=40,
        workers=2,
        chunk_size=500,
        chunk_size_wanted=1_000,
        phases=tuple(Phase(name, depth, seconds, 1) for name, depth, seconds in phases),
        seconds=3.58,
        ms_per_user=0.095,
        target_ms=180.0,
        users=9_990,
        users_excluded={"rejected": 2, "inactive": 8},
        jobs=100_000,
        jobs_ranked=67_648,
        jobs_excluded={"rejected": 3, "posted later": 1_200, "expired": 30_000, "inactive": 1_149},
        pairs_ranked=999_000_000,
        pairs_eligible=676_480_000,
        pairs_scored=16_480_000,
        strategy="pruned",
        ranking_seconds=0.95,
        rows=399_600,
        factors="trained",
        peak_bytes=1_234_567_890,
        predicted_bytes=1_400_000_000,
        destinations=(
            Destination("database", "data/market.db"),
            Destination("Parquet", f"data/runs/{RUN_ID}", 5_432_100),
        ),
        gate="passed",
        users_resumed=4_000,
        actions=1_000_000,
        actions_used=999_000,
        actions_excluded={"rejected": 400, "after the clock": 600},
        rejections={
            "jobs: fee is not a number": 3,
            "users: user_id is missing": 2,
            "actions: user_id refers to no user": 250,
            "actions: action is unknown": 150,
        },
        unknown_values=(
            "jobs.salary_type: 200 values are not hourly, daily or monthly; most often '時給' (180), 'yearly' (20)",
        ),
        pairs_excluded={
            "posted later": 11_988_000, "expired": 299_700_000, "inactive": 10_778_510, "fee too low": 0,
            "the user applied to the job": 51_000, "the user applied to the same company in the last 14 days": 2_490,
        },
        first_user=7,
        first_lines=(
            _line(11, "Warehouse worker", "Sakura Logistics", {"base": base, "match": match, "personal": personal}),
            _line(12, None, None, {"base": base, "match": match, "personal": {"history": 1.0, "collaborative": 2.0}}),
        ),
    )  # fmt: skip
    return report.render(page)


def gate() -> Any:
    """Return three verdicts: no published run, all limits kept, limits exceeded after a promotion."""
    new = RunInfo(RUN_ID, "fit@2", "d" * 16, 40, 9_990, 67_648, {})
    previous = RunInfo(EARLIER_ID, "standard", "c" * 16, 40, 10_000, 67_700, {})
    passed = (
        Measure("users_dropped", "users dropped", None, 0.001, 0.1, rules.AT_MOST, "share"),
        Measure("actions", "actions", 1_000_000, 1_001_000, 0.2, rules.FALL, "count"),
        Measure("mean_score", "mean score", 41.5, 41.25, 2.0, rules.MOVE, "points"),
        Measure("mean_fee", "mean fee", None, None, None, rules.FACTOR, "money"),
    )
    exceeded = (
        Measure("users_dropped", "users dropped", None, 0.482, 0.1, rules.AT_MOST, "share"),
        Measure(
            "jobs_kept", "jobs kept, mean of users", None, 0.31, 0.5, rules.AT_LEAST, "share", by_published_model=True
        ),
    )
    verdicts = (
        Verdict(new, None, "data/runs", ()),
        Verdict(new, previous, f"data/runs/{EARLIER_ID}", passed),
        Verdict(new, previous, f"data/runs/{EARLIER_ID}", passed[1:] + exceeded, ("the model has changed",)),
    )
    return Group(*(Group(console_table.make_table(verdict), Text()) for verdict in verdicts))


def runs_list() -> Any:
    """Return one run of each status."""
    where = ((True, True), (True, False), (False, True))
    records = [
        RunRecord(
            f"202506{30 - index}-120501-017-0a1b2c",
            status,
            None if status is RunStatus.DAMAGED else "standard" if index % 2 else "night@12",
            users=None if status in (RunStatus.DAMAGED, RunStatus.UNFINISHED) else 9_990,
            rows=None if status in (RunStatus.DAMAGED, RunStatus.UNFINISHED) else 399_600,
            folder=where[index % 3][0],
            database=where[index % 3][1],
        )
        for index, status in enumerate(RunStatus)
    ]
    return runs.render_runs(records)


def live_status() -> Any:
    """Return a log without triggers and with two readers, and a database without a log."""
    readers = (LogReader("host-a-4242", 90_311, 3.0), LogReader("host-b-17", 88_000, 12_345.6))
    status = LogStatus(
        "sqlite:///market.db", True, False, "e", 90_311, AS_OF, 51_200, 42, AS_OF - timedelta(minutes=1), readers
    )
    none = LogStatus("sqlite:///market.db", False, False)
    return Group(render_status(status), Text(), render_status(none))


def cluster_check() -> Any:
    """Return two workers that can rank, and two that cannot."""
    workers = (
        Admitted("alpha-4242", 16, 0.04, 21.3),
        Excluded("beta-17", "its code of scoring differs from the driver's. Install the same version"),
        Admitted("gamma-1", 1, 12.5, 0.0),
        Excluded("tcp://10.0.0.7:41234", "it was not started by `scoring cluster worker`"),
    )
    return render_check(ClusterCheck(workers), "tls://alpha:8786")


def import_report() -> Any:
    """Return the lines of an import, and those of a load with rejected rows."""
    imported = ImportReport(
        "jobs", "offers.csv", read=103, stored=96, merged=2, rejected=5,
        reasons={"fee is not a number": 4, "job_id is missing": 1}, cleared={"wage is negative": 3},
        ignored=("comment", "colour"), refused_path=Path("data/refused/refused_jobs.csv"),
    )  # fmt: skip
    updated = ImportReport(
        "jobs", "offers.csv", read=103, stored=98, merged=0, rejected=5, reasons={"fee is not a number": 5},
        is_update=True, updated=20, unchanged=70, reopened=2, closed=31,
    )  # fmt: skip
    again = ImportReport("actions", "clicks.csv", 12, 10, 2, 0, already_stored=1, deleted={})
    replaced = ImportReport("jobs", "offers.csv", 10, 10, 0, 0, deleted={"actions": 1_200, "job_factors": 3})
    loaded = TableReport("users", 150, 147, {"repeated": 1}, {"user_id is missing": 2})
    reports = [imported, updated, again, replaced]
    return "\n".join([*(line for report in reports for line in report.lines()), "", f"warning: {loaded.format_line()}"])


def learned_import() -> Any:
    """Return the import of trees with an affine link, and of a network with a sigmoid link and missing outputs."""
    output = np.linspace(-4.0, 2.0, 2_001)

    def page(name: str, kind: str, link: LinkSpec, missing: float) -> Any:
        training = SimpleNamespace(users=tuple(range(336)))
        sidecar = SimpleNamespace(format=kind, inputs=range(23), link=link, missing=12.5, training=training)
        model: Any = SimpleNamespace(path=Path(name), sidecar=sidecar)
        value = link.make_link(12.5)(output)
        return render_import(ModelImport(model, Path("own.yaml"), output, value, 0.002, missing))

    trees = page("own.txt", "lightgbm", LinkSpec(kind="affine", low=-3.994, high=1.994), 0.0)
    return Group(trees, Text(), page("own.onnx", "onnx", LinkSpec(kind="sigmoid"), 0.0123))


# explain, models, compare


def explain() -> Any:
    """Return the explanations of a pair that is ranked, of one that is not, and of a user."""
    statistics = scoring.Statistics(golden_cases.dataset())
    pages = []
    for user_id, job_id in ((1, 1_053), (125, 1_032)):
        pair = scoring.Prepared.for_rows(
            statistics, scoring.load_model("standard"), user_ids=[user_id], job_ids=[job_id]
        )
        pages += [explanation.render_explanation(pair, pair.explain(user_id, job_id)), Text()]
    everything = scoring.Prepared.of(statistics, scoring.load_model("standard"))
    return Group(*pages, explanation.render_user(everything, everything.explain_user(125)))


def reach_page() -> Any:
    """Return weights that list a job, a proof that none exist, and a search that reached its time limit."""
    prepared = scoring.Prepared.of(golden_cases.dataset(), scoring.load_model("standard"))
    before, (user, jobs) = prepared.model, (int(prepared.plan.user_id[0]), prepared.plan.job_id)
    weights = before.flat_weights.copy()
    weights[:2] += (0.05, -0.05)
    names = [part.name for part in before.parts]
    after = before.with_weights(dict(zip(names, weights.tolist(), strict=True)))
    values = np.linspace(0, 100, len(names))
    common = {
        "user_id": user, "job_id": int(jobs[9]), "k": 40, "reasons": (), "before": before, "values": values,
        "rank_before": 1_234, "n_always": 0, "locks": ("location",),
    }  # fmt: skip
    found = (
        Reach(
            **common, is_possible=True, is_proven=True, model=after, rank_after=40, competitors=jobs[:2], nearer=0.05,
        ),
        Reach(
            **common, is_possible=False, is_proven=True, model=None, rank_after=None, competitors=jobs[:60], nearer=2.0
        ),
        Reach(
            **common, is_possible=None, is_proven=False, model=None, rank_after=None, competitors=jobs[:0], nearer=0.1
        ),
    )  # fmt: skip
    return Group(*(Group(reach.render_reach(each, prepared), Text()) for each in found))


def audience_page() -> Any:
    """Return the audience of a job with lists, misses and rules, at the time limit."""
    prepared = scoring.Prepared.of(golden_cases.dataset(), scoring.load_model("standard"))
    jobs, names = prepared.plan.job_id, [part.name for part in prepared.model.parts]
    rank = np.concatenate([np.arange(1, 13), np.zeros(20, np.int64)])
    comparison_frame = pd.DataFrame(
        {
            "component": names,
            "group": [part.group for part in prepared.model.parts],
            "weight": prepared.model.flat_weights,
            "points": np.linspace(1, 3, len(names)),
            "points_to_beat": np.linspace(4, 2, len(names)),
            "difference": np.linspace(-3, 1, len(names)),
        }
    )
    found = Audience(
        job_id=int(jobs[9]),
        k=40,
        user_id=prepared.plan.user_id[:32],
        rank=rank,
        score=np.full(32, 50.0),
        kth_score=np.where(np.arange(32) % 5, 49.5, np.nan),
        eligible=np.arange(32) < 30,
        rules={"the user applied to the job": 2},
        missed=np.arange(12, 30),
        rival=jobs[20:38],
        rival_score=np.linspace(50.25, 60, 18),
        rank_of_nearest=(41, None, 97),
        comparison=comparison_frame,
        n_not_ranked=1_000,
    )
    return audience.render_audience(found, prepared)


def shipped_models() -> Any:
    """Return the tables of the shipped models."""
    return model_contents.render_models(map(scoring.load_model, list_preset_names()))


def _changed_model() -> Any:
    """Return `standard` with other weights, another parameter and another rule."""
    standard = scoring.load_model("standard")
    flat = {part.name: weight for part, weight in zip(standard.parts, standard.flat_weights, strict=True)}
    flat["fee"], flat["wage"] = flat["fee"] + flat["wage"], 0.0
    return standard.with_weights(flat).with_eligibility(max_per_company=3)


def _rank_twice(data: Any) -> list[Ranking]:
    """Return two rankings of two users: the first user's lists differ in the order and in one job."""
    jobs = data.jobs.job_id[:9]
    first, second = np.array([[0, 1, 2, 3], [4, 5, 6, 7]]), np.array([[1, 0, 2, 8], [4, 5, 6, 7]])
    return [
        Ranking(data.users.user_id[:2], jobs[rows], rows, np.zeros((2, 4, 4), np.float32), np.full(2, 4, np.int32))
        for rows in (first, second)
    ]


def make_diff() -> ProfileDiff:
    """Return the differences between `standard` and other weights."""
    return ProfileDiff(scoring.load_model("standard"), _changed_model())


def make_comparison() -> Comparison:
    """Return the comparison of four jobs of two users."""
    data = golden_cases.dataset()
    inputs = Inputs.of(scoring.Statistics(data))
    return Comparison.of_rankings(*_rank_twice(data), inputs, names=("standard", "changed"))


def compare() -> Any:
    """Return the comparison of two models: their differences, lists, one list, and one job."""
    found = make_comparison()
    data = found.inputs.dataset
    order = np.arange(1, 5)
    waterfall = Waterfall(
        7,
        4,
        (
            Change("fee", "base", 80.0, 80.0, 0.1, 0.2),
            Change("wage", "base", 50.0, None, 0.1, 0.0),
            Change("location", "match", 25.0, 25.0, 0.12, 0.12),
        ),
        FullRank(16.0, order, 3, ()),
        FullRank(19.0, order[::-1], 0, ()),
        ("standard", "changed"),
    )
    return Group(
        profiles.render_diff(make_diff()),
        comparison.render_overlap(found, "company"),
        comparison.render_movements(found, int(data.users.user_id[0]), data),
        comparison.render_waterfall(waterfall),
    )


def compare_several() -> Any:
    """Return the comparison of three models: one with other lists, one with the same lists."""
    data = golden_cases.dataset()
    lists = _rank_twice(data)
    inputs = Inputs.of(scoring.Statistics(data))
    long_name = "models/a_model_file_with_a_long_name.yaml"
    sides = ((lists[1], "changed"), (lists[0], long_name))
    return comparison.render_overlaps(
        [Comparison.of_rankings(lists[0], after, inputs, names=("standard", name)) for after, name in sides], "company"
    )


# evaluate, tune


def _board(names: tuple[str, ...], n_users: int, goals: tuple[str, ...] = ()) -> Any:
    """Return a scoreboard of three measures. The last model is significantly better in the first, at a price."""
    rows = []
    for index, name in enumerate(names):
        for place, measure in enumerate(("NDCG@10", "coverage@40", "mean fee@40")):
            mean = (0.25, 0.9, 4_321.0)[place] * (1 + index / 10)
            row = {"model": name, "measure": measure, "mean": mean, "low": 0.9 * mean, "high": 1.1 * mean}
            difference = (mean - mean / (1 + index / 10)) * (-1 if place == 2 else 1) if index else math.nan
            ends = sorted((difference / 2, 1.5 * difference))
            row |= {"difference": difference, "difference_low": ends[0], "difference_high": ends[1]}
            is_last = index == len(names) - 1
            is_goal = bool(goals) and is_last and place == 0
            row |= {"declared": is_goal, "n_tests": (1 if is_goal else 8) * bool(index)}
            row |= {
                "relative": difference / mean * (1 + index / 10),
                "significant": is_last and index > 0 and place != 1,
            }
            rows.append(row | {"detectable": abs(difference) / 4})
    metrics = [SimpleNamespace(name="NDCG@10")]
    board = SimpleNamespace(
        currency="yen",
        frame=lambda: pd.DataFrame(rows),
        _frame=pd.DataFrame(rows),
        goals=goals,
        candidate=names[-1] if goals else None,
        baseline=names[0],
        evaluations=dict.fromkeys(names),
        level=0.95,
        metrics=metrics,
        evaluator=SimpleNamespace(user_id=np.arange(n_users), metrics=metrics),
    )
    board.prices, board.disagreements = partial(Scoreboard.prices, board), partial(Scoreboard.disagreements, board)
    return board


def _slicing(name: str) -> Slicing | JobSlicing:
    masks = np.ones((2, 1), dtype=bool)
    if name.startswith("job."):
        return JobSlicing(name, np.arange(1), masks, ("action", "western"))
    return Slicing(name, np.arange(1), masks, ("action", "western"))


def evaluate() -> Any:
    """Return the scoreboard of two models, the slices, and an ablation."""
    slices = pd.DataFrame(
        [
            ("NDCG@10", "tenure", "newcomer", 40, 0.21, 0.25, 0.04, 0.01, 0.07, False, True),
            ("NDCG@10", "tenure", "regular", 1_260, 0.31, 0.26, -0.05, -0.08, -0.02, True, False),
            ("NDCG@10", "age_group", "20s", 300, 0.3, 0.3, 0.0, -0.02, 0.02, False, False),
            ("NDCG@10", "job.genres", "action", 40, 0.21, 0.25, 0.04, 0.01, 0.07, False, False),
            ("NDCG@10", "job.genres", "western", 0, *[math.nan] * 5, False, False),
            ("Recall@40", "age_group", "20s", 300, 0.5, 0.5, 0.0, -0.02, 0.02, False, False),
        ],
        columns=[
            "metric", "slicing", "slice", "n", "mean_a", "mean_b", "difference", "low", "high", "worse", "better",
        ],
    )  # fmt: skip
    ablation = pd.DataFrame(
        [("location", 0.12, 0.21, 0.04, 0.02, 0.06, True), ("fee", 0.1, 0.251, -0.001, -0.003, 0.001, False)],
        columns=["component", "weight", "without_it", "loss", "low", "high", "significant"],
    )
    return Group(
        evaluation.render_scoreboard(_board(("standard", "fit@1"), 1_300, ("NDCG@10",))),
        Text(),
        evaluation.render_slices(slices, "NDCG@10", "fit@1", "standard", [_slicing("genres"), _slicing("job.genres")]),
        Text(),
        evaluation.render_ablation(ablation, "NDCG@10", "fit@1"),
    )


def backtest() -> Any:
    """Return a backtest with a goal at three cuts: better in two of them, worse in one with few users."""
    rng = np.random.default_rng(0)
    cuts = []
    for place, (n_users, change) in enumerate(((40, 0.2), (20, -0.1), (60, 0.25))):
        users = np.arange(n_users)
        base = 0.25 + np.round(0.1 * rng.random(n_users), 2)
        values = {"standard": base, "fit@1": base + change * (users % 4 != 0)}
        cuts.append(
            BacktestCut(
                at=pd.Timestamp("2025-09-01T12:00:00Z") + pd.Timedelta(days=14 * place),
                name="",
                digest="",
                n_relevant=n_users,
                left_out={},
                notes=(),
                user_id=users,
                pair_user=users,
                pair_job=users,
                values={
                    name: MeasureValues(
                        {"NDCG@10": of_users, "HitRate@40": np.ones(n_users), "mean fee@40": 4_000 * (1 - of_users)},
                        {"coverage@40": jackknife_of(0.5, n_users)},
                    )
                    for name, of_users in values.items()
                },
            )
        )
    metrics = ("NDCG@10", "HitRate@40")
    return render_backtest(
        Backtest(tuple(cuts), {}, ("standard", "fit@1"), metrics, goals=(NDCG(10),), candidate="fit@1", currency="yen")
    )


def tune() -> Any:
    """Return the report of a search with two goals and a test, and of one without a better trial."""
    names = ("baseline", "random search", "direct fit", "search")
    weights = pd.DataFrame(
        {name: [0.1, 0.25 + index / 100, 14.0] for index, name in enumerate(names)},
        index=["fee", "location", "freshness.half_life_days"],
    )
    front = pd.DataFrame(
        {"trial": range(30), "NDCG@10": np.linspace(0.3, 0.2, 30), "mean fee@40": range(3_800, 4_400, 20)}
    ).assign(study="search")
    off_front = {"trial": 30, "NDCG@10": 0.241, "mean fee@40": 4_100, "study": "search"}
    measures = [
        *("Recall@40", "Precision@10", "MRR@40", "MAP@40", "HitRate@10", "mean wage@40", "diversity@40"),
        *("miscalibration@40", "novelty@40", "popularity bias@40", "coverage@40", "concentration@40"),
    ]
    shares = np.linspace(-0.3, 0.3, 31 * len(measures)).reshape(31, -1)
    changes = pd.DataFrame(shares, columns=measures, index=pd.Index(range(31), name="trial"))
    changes.loc[5, "mean wage@40"] = np.nan

    def result(goals: tuple[str, ...], winner: str) -> Any:
        board = _board(names, 250)
        return SimpleNamespace(
            problem=SimpleNamespace(
                goals=[SimpleNamespace(name=goal, maximise=True) for goal in goals],
                values=lambda *_: [np.float64(0.25), np.float64(4_321)],
                train=None,
                train_baseline=None,
            ),
            validation=board,
            scoreboard=board,
            weights=lambda: weights.assign(search=weights[winner]),
            front=lambda: front,
            trials=lambda: pd.concat([front, pd.DataFrame([off_front])], ignore_index=True),
            front_changes=lambda trials: changes.loc[trials],
            find_trial=lambda: off_front["trial"],
        )

    several = result(("NDCG@10", "mean fee@40"), "search")
    return Group(
        tuning.render_tuning(several, _board(names, 251, ("NDCG@10",))),
        Text(),
        tuning.render_tuning(result(("coverage@40",), "direct fit"), None),
    )  # fmt: skip


# profiles


def profiles_list() -> Any:
    """Return a promoted version, one with a long note, and a file that is invalid."""
    saved, long_note = pd.Timestamp(AS_OF), "a note of more than sixty characters, of which the rest is not shown"
    columns = ["name", "version", "in_use", "problem", "saved_at", "parent", "note"]
    rows = [
        ("night", 1, False, None, saved, "standard", "the first\nsecond line"),
        ("night", 2, True, None, saved, "night@1", long_note),
        ("day", 1, False, "data/profiles/day/0001.yaml, line 1: not YAML", pd.NaT, None, None),
    ]  # fmt: skip
    return profiles.render_list(pd.DataFrame(rows, columns=columns))


def profiles_show() -> Any:
    """Return a promoted version with all fields."""
    metric = {"value": 0.25, "low": 0.2, "high": 0.3, "n": 12_345}
    metadata = ProfileMetadata.model_validate(
        {
            "name": "night", "version": 2, "saved_at": AS_OF, "author": "山田", "note": "first line\nsecond line",
            "model": "standard", "digest": "0a1b2c3d4e5f6071" * 2, "code_version": "0.2.0",
            "parent": {"name": "night", "version": 1, "digest": "1a1b2c3d4e5f6071" * 2},
            "found_on": {"fingerprint": "2a1b2c3d4e5f6071", "as_of": AS_OF},
            "metrics": {"validation": {"NDCG@10": metric}, "test": {"NDCG@10": {"value": 0.24}}},
        }
    )  # fmt: skip
    lineage = pd.DataFrame(
        [
            ("night", 2, "0a1b2c3d4e5f6071" * 2),
            ("night", 1, "1a1b2c3d4e5f6071" * 2),
            (None, None, "3a1b2c3d4e5f6071" * 2),
        ],
        columns=["name", "version", "digest"],
    ).astype({"version": "Int64"})
    return profiles.render_profile(Profile(metadata, scoring.load_model("standard")), lineage, in_use=True)


def profiles_diff() -> Any:
    """Return the differences of two models, and of a model from itself."""
    standard, changed = scoring.load_model("standard"), _changed_model()
    same = profiles.render_diff(ProfileDiff(standard, standard))
    return Group(profiles.render_diff(ProfileDiff(standard, changed)), Text(), same)


def profiles_history() -> Any:
    """Return a promotion and a rollback for one database, and of a folder with several databases."""
    at = pd.Timestamp(AS_OF)
    columns = ["at", "action", "name", "version", "in_use", "note", "database"]
    rows = [
        (at, "promote", "night", 2, False, "better in the test", "sqlite:////srv/a.db"),
        (at, "rollback", "night", 1, True, "complaints", "sqlite:////srv/a.db"),
    ]
    frame = pd.DataFrame(rows, columns=columns)
    several = frame.assign(database=[None, "sqlite:////srv/a.db"])
    return Group(profiles.render_history(frame), Text(), profiles.render_history(several))


def profiles_evidence() -> Any:
    """Return evidence with objections, and the absence of an evaluation."""
    profile: Any = SimpleNamespace(metadata=SimpleNamespace(reference="night@2"))
    objections = ("Its model was never evaluated on test users.",)
    missing = Evidence(profile=profile, access=None, n_looks=0, objections=objections)
    return Group(
        promotion_evidence.render_evidence(make_evidence()), Text(), promotion_evidence.render_evidence(missing)
    )


def make_evidence() -> Evidence:
    """Return evidence with a goal that is worse, a guard, prices, worse slices, a warning and objections."""
    rows = [
        ("NDCG@10", 0.337, -0.140, -0.203, -0.075, -0.29, True, False),
        ("HitRate@40", 0.778, 0.136, 0.049, 0.222, 0.21, True, True),
        ("mean fee@40", 1_651.2, -2_357.5, -2_489.0, -2_220.0, -0.588, True, False),
        ("mean wage@40", 1.015, -0.070, -0.083, -0.057, -0.065, False, False),
        ("novelty@40", 7.442, 0.251, 0.206, 0.296, 0.035, True, None),
        ("coverage@40", 0.692, -0.1, -0.21, 0.01, -0.126, False, False),
    ]
    changes = {
        name: MeasureChange(
            difference=difference, low=low, high=high, relative=relative, is_significant=is_significant, is_good=is_good
        )
        for name, _, difference, low, high, relative, is_significant, is_good in rows
    }
    access = TestAccess(
        at=AS_OF,
        look=3,
        holdout="0a1b2c3d",
        digest="0a1b2c3d4e5f6071" * 2,
        metrics={name: Metric(value=value) for name, value, *_ in rows},
        n_users=81,
        n_fitted_users=12,
        held_out="14 days from 2025-06-16 12:00 UTC",
        baseline="standard",
        changes=changes,
        worse_slices=tuple(
            f"NDCG@10:tenure:{name}" for name in ("newcomer", "1 to 5", "6 to 20", "21 and more", "a", "b")
        ),
    )
    profile: Any = SimpleNamespace(metadata=SimpleNamespace(reference="night@2"))
    objections = (
        "The declared goal NDCG@10 is significantly worse: -0.14.",
        "It was fitted on users of its evaluation.",
    )
    warnings = ("The evidence compares with standard, but day@1 is promoted.",)
    return Evidence(
        profile=profile,
        access=access,
        n_looks=3,
        objections=objections,
        warnings=warnings,
        goals=("NDCG@10",),
        guards=("mean wage@40",),
    )


def profiles_looks() -> Any:
    """Return two evaluations on the same test users."""
    at, digest = pd.Timestamp(AS_OF), "0a1b2c3d4e5f6071" * 2
    columns = ["at", "look", "holdout", "profile", "digest", "NDCG@10", "HitRate@40"]
    rows = [(at, 1, digest, "night@2", digest, 0.25, 0.5), (at, 2, digest, None, digest, 0.125, math.nan)]
    return profiles.render_test_accesses(pd.DataFrame(rows, columns=columns))


PAGES: Final[dict[str, Callable[[], Any]]] = {
    "run_report": run_report,
    "gate": gate,
    "runs_list": runs_list,
    "live_status": live_status,
    "cluster_check": cluster_check,
    "import_report": import_report,
    "learned_import": learned_import,
    "check": check,
    "explain": explain,
    "reach": reach_page,
    "audience": audience_page,
    "models": shipped_models,
    "compare": compare,
    "compare_several": compare_several,
    "evaluate": evaluate,
    "backtest": backtest,
    "tune": tune,
    "profiles_list": profiles_list,
    "profiles_show": profiles_show,
    "profiles_diff": profiles_diff,
    "profiles_history": profiles_history,
    "profiles_evidence": profiles_evidence,
    "profiles_looks": profiles_looks,
}
"""Name of a golden file → function that returns its page."""
