"""The report of the import of a trained model, 80 columns wide."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from scoring.cli.tables.evaluation import make_table
from scoring.errors import make_printable, pluralize
from scoring.training import ModelImport

__all__ = ["render_import"]


def render_import(found: ModelImport) -> RenderableType:
    """Return the link, the shares of clipped and missing values, and quantiles of outputs and values."""
    sidecar = found.model.sidecar
    link = sidecar.link
    bounds = "" if link.low is None else f": {link.low:.6g} becomes 0, {link.high:.6g} becomes 100"
    lines = [
        f"{make_printable(found.model.path.name)}: {sidecar.format}, {pluralize(len(sidecar.inputs), 'input')}",
        f"link: {link.kind}{bounds}",
        f"clipped: {found.clipped:.2%} of {len(found.value):,} rows",
        f"without an output: {found.missing:.2%}, with the value {sidecar.missing:g}",
        f"trained on {pluralize(len(sidecar.training.users), 'user')}; tune its weight on others",
        "",
    ]
    table = make_table("quantile", "output", "value")
    for row in found.frame().to_dict("records"):
        table.add_row(f"{row['quantile']:.1%}", f"{row['output']:.4f}", f"{row['value']:.2f}")
    return Group(Text("\n".join(lines)), table)
