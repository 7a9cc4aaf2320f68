"""Import of files and tables into the database, with a report that accounts for every row.

Columns are matched by name or by a mapping file.

- `importer`: the import of one table, or of the tables of a mapping
- `mapping_file`: the YAML mapping file; `readers`: sources to raw rows; `header_check`: their columns
- `computed_columns`: source to target columns (with `value_map`, `money_amount_parser`, `time_parser`)
- `stored_codes`: stored ids and codes of texts; `row_rules`: rules, and merging of rows that share a key
- `rejected_row_origin`: rows of a file of rejected rows; `table_writer`: insert, update and close rows
- `import_report`: numbers of stored, merged and rejected rows
- `mapping_draft`: a draft of a mapping for files of unknown layout
"""

from scoring.importing.import_report import ImportReport, ImportReports
from scoring.importing.importer import import_file, import_mapping

__all__ = ["ImportReport", "ImportReports", "import_file", "import_mapping"]
