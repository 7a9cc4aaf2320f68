"""The methods that the page for legacy code lists are exactly those that exist."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pandas as pd

from scoring.facade import ScoringEngine
from tests.support.facade_market import legacy_job, legacy_user, market_of, store
from tests.support.proof_counts import record_count

PAGE = Path(__file__).parents[2] / "MIGRATING.md"


def promised() -> set[str]:
    """Return the methods in the page's table."""
    table = PAGE.read_text("utf-8").partition("## Methods")[2].partition("\nAttributes:")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `") or "refresh" in line]
    return {name for row in rows for name in re.findall(r"(\w+)\(", row)}


async def test_every_method_of_the_migration_page_works(database_url: str) -> None:
    """Other tests compare the answers with the formulas. This test checks that all methods exist."""
    market = market_of(1)
    store(market, database_url)
    job, user, frames = legacy_job(market.jobs[0]), legacy_user(market.users[0]), market.frames()
    users, jobs, ids = frames["users"], frames["jobs"], [market.users[0]["user_id"]]
    calls: dict[str, tuple[Any, ...]] = {
        "warmup_caches": (),
        "process_scoring_batch": (users, jobs),
        "_calculate_chunk_scores": (users, jobs),
        "calculate_scores_for_all_users": (),
        "calculate_total_score": (job, user, user),
        "calculate_base_score": (job,),
        "calculate_seo_score": (job, user),
        "calculate_personal_score": (job, user),
        "batch_calculate_scores": ([(job, user)],),
        "get_score_explanation": (job, user),
        "_batch_load_jobs_optimized": (),
        "_batch_load_users_optimized": (),
        "_batch_load_user_history": (ids,),
        "_batch_load_company_popularity": (["C1"],),
        "calculate_base_scores_vectorized": (jobs,),
        "_calculate_salary_attractiveness_vectorized": (jobs,),
        "_calculate_access_score_vectorized": (jobs,),
        "_calculate_salary_attractiveness": (job,),
        "_calculate_access_score": (job,),
        "_calculate_location_match": (job, user),
        "_calculate_category_match": (job, user),
        "_calculate_condition_match": (job, user),
        "component_values": (jobs, "wage"),
        "_optimize_dataframe_memory": (jobs,),
        "get_performance_stats": (),
        "_update_performance_stats": ("own loop", 0.1, 1),
        "clear_caches": (),
        "refresh": (),
        "close": (),
    }
    assert set(calls) == promised()
    engine = ScoringEngine(database_url, as_of=market.as_of, keep_factors=False)
    for name, arguments in calls.items():
        answer = getattr(engine, name)(*arguments)
        if inspect.isawaitable(answer):
            answer = await answer
        if name not in ("_update_performance_stats", "clear_caches", "refresh", "close"):
            assert answer is not None, name
            assert not (isinstance(answer, pd.DataFrame) and answer.columns.empty), name
    if database_url.startswith("sqlite"):
        record_count("legacy methods", "{} of {} methods", len(calls), len(promised()))
