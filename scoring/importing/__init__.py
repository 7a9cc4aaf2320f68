"""Import of CSV and Parquet files into the database, with a report that accounts for every row.

Columns are matched by name or by a mapping file.

- `importer`: the import of one table
- `mapping`: the YAML mapping file; `readers`: sources to raw rows; `computed_columns`: source to target columns
- `id_mapping`: integer ids for text ids; `row_merging`: rules, and merging of rows that share a key
- `import_report`: numbers of stored, merged and rejected rows
- `suggestion`: a draft of a mapping for files of unknown layout
"""

from scoring.importing.import_report import ImportReport
from scoring.importing.importer import import_file, import_mapping

__all__ = ["ImportReport", "import_file", "import_mapping"]
