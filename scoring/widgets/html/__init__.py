"""Results as HTML strings. Text from data and from users is escaped.

- `parts`: colours, escaping, small drawings
- `measures`, `slices`, `overlap`, `waterfall`, `list_table`: one table each
"""

from scoring.widgets.html.list_table import legend_html, list_html
from scoring.widgets.html.measures import measures_html
from scoring.widgets.html.overlap import overlap_html
from scoring.widgets.html.parts import page
from scoring.widgets.html.slices import slices_html
from scoring.widgets.html.waterfall import waterfall_html

__all__ = ["legend_html", "list_html", "measures_html", "overlap_html", "page", "slices_html", "waterfall_html"]
