"""Where data comes from and what a snapshot of it is.

- `dataset`: `Dataset`, the snapshot; `encode`: its arrays
- `validation`: any frame to the canonical columns; `importer`: files in
- `tables`, `database`, `loaders`: SQLAlchemy
- `synthetic`: a labour market with hidden tastes; `reference`: tables of facts
"""

from scoring.dataset.dataset import Dataset, Tables

__all__ = ["Dataset", "Tables"]
