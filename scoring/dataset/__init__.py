"""The data that every result is computed from.

- `dataset`: `Dataset`, all tables as of its `clock`; `arrays`, `vocabularies`: its columns and codes as arrays
- `row_lookup`: users and jobs by number or external id
- `frame_validation`: tables from DataFrames; `reference`: the shipped reference tables
- `smaller_dtypes`: DataFrames with smaller dtypes and equal values
- `lazy_fields`: dataclasses whose fields are computed at first access
"""

from scoring.columns.dataset_frames import Tables
from scoring.dataset.dataset import Dataset

__all__ = ["Dataset", "Tables"]
