"""The HTML views of a model, a dataset and a prepared model."""

from __future__ import annotations

import re
from dataclasses import replace

from scoring import Prepared, load_model
from tests.support.prepared_markets import small


def test_html_views_show_sizes_and_weights_and_escape_text() -> None:
    ready = small(n_users=20, n_jobs=40)
    model = replace(load_model("standard"), name="<script>", description="a & b")
    data, view = ready.dataset, Prepared.of(ready.dataset, model)._repr_html_()
    assert "<script>" not in view
    assert "&lt;script&gt;" in view
    assert "a &amp; b" in view
    assert data._repr_html_() in view
    assert f">{len(data.jobs)}</td>" in view
    for name, weight in zip(model.frame()["component"], model.flat_weights, strict=True):
        assert re.search(f"<td[^>]*>{name}</td><td[^>]*>{weight:.3f}</td>", view)
