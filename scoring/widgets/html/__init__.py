"""Results as HTML strings. Text from data and from users is escaped.

- `html_elements`: colours, escaping, small drawings
- `notes_list`, `measures_table`, `slices_table`, `overlap_table`, `waterfall_table`, `list_table`: one table each
"""

from scoring.widgets.html.html_elements import render_page
from scoring.widgets.html.list_table import render_legend, render_list
from scoring.widgets.html.measures_table import render_measures
from scoring.widgets.html.notes_list import render_notes
from scoring.widgets.html.overlap_table import render_overlap
from scoring.widgets.html.slices_table import render_slices
from scoring.widgets.html.waterfall_table import render_waterfall

__all__ = [
    "render_legend",
    "render_list",
    "render_measures",
    "render_notes",
    "render_overlap",
    "render_page",
    "render_slices",
    "render_waterfall",
]
