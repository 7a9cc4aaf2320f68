"""Record the digests again: `python -m tests.support.golden_recorder`.

Permitted only when the scoring contract itself changes: a formula, a rule of eligibility, the order of ties, the
shipped models or reference tables. The commit that records must name that change and its effect on lists. Never
record after a change of layout, names, types, kernels or speed: then the code is wrong, and the file is right.

All strategies must agree before anything is written.
"""

from __future__ import annotations

import json
from typing import Any

import scoring
from tests.support import golden_cases as cases


def record() -> dict[str, Any]:
    """Return the content of `lists.json`. Raises AssertionError: If two strategies give different lists."""
    found: dict[str, Any] = {}
    for clock, as_of in cases.AS_OF.items():
        data = cases.dataset(as_of)
        statistics = scoring.Statistics(data)
        for name, model in cases.models(clock):
            prepared = scoring.Prepared.of(statistics, model)
            case: dict[str, Any] = {"lists": {}}
            for strategy, k, digests in cases.strategies(prepared):
                known = case["lists"].setdefault(str(k), digests)
                assert digests == known, (name, strategy, k)
            if "rules as shipped" in name:  # scores of pairs do not depend on rules
                case |= {"pairs": cases.pairs(prepared), "explanations": cases.explanations(prepared)}
            found[name] = case
    return found


if __name__ == "__main__":
    cases.FILE.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
