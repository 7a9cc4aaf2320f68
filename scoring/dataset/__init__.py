"""The data that every result is computed from.

- `dataset`: `Dataset`, all tables as of its `clock`; `arrays`, `vocabularies`: its columns and codes as arrays
- `from_frames`: tables from DataFrames; `reference`: the reference tables that ship
- `smaller_dtypes`: the same values in fewer bytes
"""

from scoring.columns.canonical_tables import Tables
from scoring.dataset.dataset import Dataset

__all__ = ["Dataset", "Tables"]
