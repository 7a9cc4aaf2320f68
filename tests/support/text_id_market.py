"""A small market whose users and jobs have numbers, text ids, and text ids that version 0.1 numbered."""

from __future__ import annotations

from typing import Final

import pandas as pd

from scoring.dataset import Tables
from scoring.testing.small_market import make_small_tables

FIRST: Final = -(2**52) - 7
ZEROS: Final = -(2**52) - 8

USERS: Final = {"U-1": FIRST, "A-1": 1, "00012345": ZEROS, "12345": 12345, "3": 3}
JOBS: Final = {"J-1": FIRST, "B-9": 1003, "00012345": ZEROS, "12345": 12345, "1006": 1006}
"""Id as text → its number. `A-1` and `B-9` have the numbers that version 0.1 gave. The last two are plain numbers."""

RENAMED: Final = {"user": {5: FIRST, 7: ZEROS, 9: 12345}, "job": {1000: FIRST, 1009: ZEROS, 1012: 12345}}


def text_id_tables() -> Tables:
    """Return the tables of `small_dataset` with the ids above."""
    tables = make_small_tables(0, n_users=12, n_jobs=48, n_actions=160, factors=True)
    frames = dict(tables.items())
    for name, frame in frames.items():
        for kind, numbers in RENAMED.items():
            if f"{kind}_id" in frame:
                frames[name] = frames[name].assign(**{f"{kind}_id": frames[name][f"{kind}_id"].replace(numbers)})
    for name, texts in (("users", USERS), ("jobs", JOBS)):
        key = frames[name][f"{name.removesuffix('s')}_id"]
        text_of = {number: text for text, number in texts.items() if text != str(number)}
        frames[name] = frames[name].assign(external_id=pd.Series(key.map(text_of), dtype="str"))
    return tables.with_tables(**frames)
