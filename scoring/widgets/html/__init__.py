"""Results as HTML: text in, text out. Whatever came from data or from a person is escaped.

- `parts`: colours, escaping, small drawings · `measures`, `slices`, `overlap`, `waterfall`, `listed`: one table each
"""

from scoring.widgets.html.listed import legend_html, list_html
from scoring.widgets.html.measures import measures_html
from scoring.widgets.html.overlap import overlap_html
from scoring.widgets.html.parts import page
from scoring.widgets.html.slices import slices_html
from scoring.widgets.html.waterfall import waterfall_html

__all__ = ["legend_html", "list_html", "measures_html", "overlap_html", "page", "slices_html", "waterfall_html"]
