"""One page for readers who do not know the package: what a change of the model gains, costs and changes.

- `report_content`: what the page states about a profile, a run or an evaluation, from the registry and the data
- `list_changes`: how the lists change: kept jobs, gains and losses, groups of users
- `example_users`: three users of a comparison without names and ids
- `measure_descriptions`: measures and components in plain words
- `profile_report`: the report on a saved profile, from Python
- `report_page`: the content as one HTML file, without scripts and references to other files
- `page_sections`: its sections; `page_elements`: escaped text, tables and small bars; `svg_charts`: drawings;
  `page_style`: its style sheet
"""

from scoring.model_report.profile_report import write_profile_report
from scoring.model_report.report_content import (
    ReportContent,
    collect_evaluation_content,
    collect_profile_content,
    collect_run_content,
)
from scoring.model_report.report_page import render_report_page, write_report_page

__all__ = [
    "ReportContent",
    "collect_evaluation_content",
    "collect_profile_content",
    "collect_run_content",
    "render_report_page",
    "write_profile_report",
    "write_report_page",
]
