"""`python -m benchmarks`: measure, print and store the figures.

    python -m benchmarks                            # everything at full size: half an hour
    python -m benchmarks --quick                    # small sizes, two minutes; not comparable with the bars
    python -m benchmarks --only rank,peers
    python -m benchmarks --only growth --data DIR   # markets and factors are kept there for the next call

Figures, plots and the table of `benchmarks/README.md` are written at full size, or into the folder of `--output`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from benchmarks import console_output, machine, plots, readme_page
from benchmarks.measurement import run_in_new_process
from benchmarks.results import Section
from benchmarks.sections import SECTIONS
from benchmarks.workspace import Size, Workspace
from scoring.argument_checks import parse_positive_integer

__all__ = ["RESULTS", "main"]

HERE = Path(__file__).parent
RESULTS = HERE / "results"
_QUICK = Size(users=300, jobs=5_000, quick=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if everything requested was measured, whether or not the bars are met."""
    wanted = _parser().parse_args(arguments)
    size = _size(wanted)
    published = size == Size() and wanted.output is None
    output = RESULTS if published else wanted.output
    where = nullcontext(wanted.data) if wanted.data else tempfile.TemporaryDirectory(prefix="scoring-benchmarks-")
    with where as folder:
        for name in wanted.only:
            section = _measure_section(name, size, Workspace(Path(folder)))
            console_output.print_section(section)
            if output is not None:
                section.write(output)
    if output is not None:
        kept = readme_page.sections(output)
        plots.draw(kept, output)
        readme_page.write(kept, HERE / "README.md" if published else output / "README.md", output)
        print(f"figures, plots and table: {output}")
    return 0


def _measure_section(name: str, size: Size, work: Workspace) -> Section:
    where = machine.describe_machine()
    start = time.perf_counter()
    section = run_in_new_process(SECTIONS[name], size, work)
    return replace(section, machine=where, seconds=time.perf_counter() - start)


def _size(wanted: argparse.Namespace) -> Size:
    usual = _QUICK if wanted.quick else Size()
    return Size(wanted.users or usual.users, wanted.jobs or usual.jobs, usual.quick)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure all figures and compare them with their targets."
    )
    parser.add_argument(
        "--only",
        type=_names,
        default=list(SECTIONS),
        metavar="NAMES",
        help=f"comma-separated sections: {','.join(SECTIONS)}",
    )
    parser.add_argument(
        "--users", type=parse_positive_integer, help=f"users of the main market (default: {Size().users:,})"
    )
    parser.add_argument(
        "--jobs", type=parse_positive_integer, help=f"jobs of the main market (default: {Size().jobs:,})"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to check that it works")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for figures, plots and the table")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder that keeps markets and factors for the next call"
    )
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in SECTIONS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"Unknown section {unknown[0] if unknown else text!r}. Use {', '.join(SECTIONS)}."
        )
    return [name for name in SECTIONS if name in names]
