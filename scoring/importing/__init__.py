"""Files in: CSV and Parquet to the database's tables, by name or by a mapping file, with a report of every row.

- `importer`: one table's import from end to end
- `mapping`: the YAML; `source_reader`: files to raw rows; `computed_columns`: source to target columns
- `id_mapping`: numbers for text ids; `merge`: rules, and several rows combined into one
- `import_report`: what became of every row
"""

from scoring.importing.import_report import Ledger
from scoring.importing.importer import import_file, import_mapping

__all__ = ["Ledger", "import_file", "import_mapping"]
