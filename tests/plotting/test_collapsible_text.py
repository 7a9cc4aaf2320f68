"""Texts behind a fold."""

from __future__ import annotations

from scoring.plotting import Fold


def test_fold_escapes_title_and_text() -> None:
    fold = Fold("a < b", "first\n<script>")
    assert str(fold) == "first\n<script>"
    assert fold._repr_html_() == ("<details><summary>a &lt; b</summary><pre>first\n&lt;script&gt;</pre></details>")
