"""Requests for a few users: lists by a scan of the jobs equal those by their search index."""

from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from scoring.facade import ScoringEngine, request_plans
from tests.support.example_counts import try_examples
from tests.support.full_rankings import random_dataset, random_model


@try_examples(8, 60, seed=st.integers(0, 2**32 - 1))
def test_lists_by_scan_equal_lists_by_index(seed: int) -> None:
    random = np.random.default_rng(seed)
    dataset = random_dataset(seed)
    engine = ScoringEngine(dataset, random_model(random), keep_factors=False)
    users = dataset.tables.users.sample(frac=1, random_state=seed).head(5)
    jobs = dataset.tables.jobs.sample(frac=1, random_state=seed)
    k = int(random.choice([1, 7, 1000]))
    lists: list[pd.DataFrame] = []
    for limit in (0, request_plans.MAX_SCANNED_USERS):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(request_plans, "MAX_SCANNED_USERS", limit)
            found = asyncio.run(engine.process_scoring_batch(users, jobs, top_k=k))
        assert isinstance(found, pd.DataFrame)
        lists.append(found)
    pd.testing.assert_frame_equal(lists[0], lists[1], check_exact=True)
