"""Write the bundles that `benchmarks.card_lists` ranks: `python -m benchmarks.card_bundles --data DIR --out DIR`.

Each bundle is one worst case of pruning: all weight on random factors, and 80 % of the weight on trained factors.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.sections.peers import keep_only_factors
from benchmarks.sections.worst_cases import concentrate_weight, give_random_factors
from benchmarks.workspace import Size, Workspace
from scoring import Prepared, load_model
from scoring.model import Inputs

__all__ = ["main"]


def main() -> None:
    """Write the bundles and print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of `python -m benchmarks --data`")
    parser.add_argument("--out", type=Path, required=True, help="folder of the bundles")
    parser.add_argument("--users", type=int, default=Size().users)
    parser.add_argument("--jobs", type=int, default=Size().jobs)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    size, work = Size(options.users, options.jobs), Workspace(options.data)
    model, statistics = load_model("standard"), work.statistics(size)
    cases = {
        "random-factors": Prepared.of(give_random_factors(statistics.dataset), keep_only_factors(model)),
        "trained-factors": Prepared.of(Inputs.of(statistics), concentrate_weight(model, "collaborative", 0.8)),
    }
    for name, prepared in cases.items():
        path = options.out / f"{name}.bundle"
        digest = prepared.plan.bundle.save(path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB, digest {digest[:16]}")


if __name__ == "__main__":
    main()
