"""Results as HTML strings. Text from data and from users is escaped.

- `html_elements`: colours, escaping, small drawings
- `measures_table`, `slices_table`, `overlap_table`, `waterfall_table`, `list_table`: one table each
"""

from scoring.widgets.html.html_elements import page
from scoring.widgets.html.list_table import legend_html, list_html
from scoring.widgets.html.measures_table import measures_html
from scoring.widgets.html.overlap_table import overlap_html
from scoring.widgets.html.slices_table import slices_html
from scoring.widgets.html.waterfall_table import waterfall_html

__all__ = ["legend_html", "list_html", "measures_html", "overlap_html", "page", "slices_html", "waterfall_html"]
