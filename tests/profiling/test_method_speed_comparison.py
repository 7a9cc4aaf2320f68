"""Four ways to compute the lists give equal lists."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.errors import ConfigurationError
from scoring.model_catalog import load_model
from scoring.profiling import ladder, plot_ladder
from scoring.profiling.compared_method_lists import ResultsDifferError
from scoring.profiling.legacy_pair_loop import PairLoop
from scoring.ranking import Prepared
from tests.support.errors import raises_at, raises_with
from tests.support.figure_checks import assert_readable


def test_four_methods_return_equal_lists(prepared: Prepared) -> None:
    frame = ladder(prepared, k=10, loop_users=3, numpy_users=20, pairs_users=40, repeats=1)
    assert frame["users"].tolist() == [3, 20, 40, len(prepared.active_users)]
    assert frame["times_faster"].iloc[0] == 1
    np.testing.assert_allclose(frame["pairs_per_second"] * frame["ms_per_user"], 1000 * len(prepared.plan.job_id))
    figure = plot_ladder(frame)
    assert_readable(figure)
    assert figure.axes[0].get_xscale() == "log"


def test_wrong_list_stops_the_measurement(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    right = PairLoop.rank
    monkeypatch.setattr(PairLoop, "rank", lambda self, rows, k: right(self, rows[::-1], k))
    with raises_with(ResultsDifferError, method="loop over pairs (legacy)"):
        ladder(prepared, loop_users=3, repeats=1)


def test_other_model_is_rejected(prepared: Prepared) -> None:
    other = prepared.with_model(load_model("standard").with_weights({"fee": 1.0}))
    with raises_at(ConfigurationError, "model"):
        ladder(other)
