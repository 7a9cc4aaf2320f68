"""Where data comes from and what a snapshot of it is.

- `dataset`: `Dataset`, the snapshot; `canonical`: its tables as frames; `encode`, `vocabulary`: its arrays and codes
- `validation`: any frame to the canonical columns; `importer`: files in
- `tables`, `database`, `loaders`: SQLAlchemy
- `synthetic`: a labour market with hidden tastes; `reference`: tables of facts
"""

from scoring.dataset.canonical import Tables
from scoring.dataset.dataset import Dataset

__all__ = ["Dataset", "Tables"]
