"""Tables of results in notebooks."""

from __future__ import annotations

import pandas as pd

from scoring.plotting.html_table import Table, render_html_table


def test_numbers_are_on_the_right_and_text_on_the_left() -> None:
    frame = pd.DataFrame({"name": ["<b>", None], "rows": [20_000, 1], "weight": [0.1234567, float("nan")]})
    table = render_html_table(frame)
    left, right = (f'<td style="text-align:{side}">' for side in ("left", "right"))
    assert f"{left}&lt;b&gt;</td>{right}20,000</td>{right}0.123</td>" in table
    assert f"{left}</td>{right}1</td>{right}</td>" in table
    assert f"{right}12%</td>" in render_html_table(frame, {"weight": "{:.0%}".format})


def test_table_shows_a_named_index_and_formats() -> None:
    frame = pd.DataFrame({"ms": [1234.5678, None], "share": [0.25, 0.5]}, index=pd.Index(["a", "b"], name="step"))
    table = Table(frame, {"share": "{:.0%}"})
    page = table._repr_html_()
    for text in (">step</th>", 'left">a<', ">1,234.568<", ">25%<", 'right"><'):
        assert text in page
    assert str(table).split() == ["step", "ms", "share", "a", "1,234.568", "25%", "b", "50%"]
    assert "step" not in Table(frame.reset_index(drop=True))._repr_html_()
