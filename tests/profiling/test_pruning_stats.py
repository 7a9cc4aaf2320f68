"""Jobs looked at, by user."""

from __future__ import annotations

import pytest

from scoring.profiling import plot_visits, visits
from scoring.ranking import Prepared, Scorer
from tests.support.figure_checks import assert_readable


def test_visits_of_single_users_add_up_to_the_run(prepared: Prepared) -> None:
    frame = visits(prepared, k=5)
    assert frame["user_id"].tolist() == prepared.plan.user_id[prepared.active_users].tolist()
    whole = Scorer(prepared.plan, workers=1, path="pruned").top_k(5, prepared.active_users)
    # in a run, a user starts with the results of the previous user
    assert frame["jobs"].sum() == pytest.approx(whole.n_scored, rel=0.1)
    assert (frame["jobs"] >= 5).all()
    assert frame["share"].between(0, 1).all()


def test_plot_counts_every_user(prepared: Prepared) -> None:
    frame = visits(prepared, prepared.active_users[:30], k=5)
    figure = plot_visits(frame)
    assert_readable(figure)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 30
