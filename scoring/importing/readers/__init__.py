"""Read sources of any kind as frames of raw values, with the rows that cannot be read.

- `raw_rows`: the result of every reader; `source_options`: how to read a source
- `source_reader`: selects the reader of a file or folder
- `text_encoding`, `text_delimiter`, `delimited_text`: CSV, TSV and other delimited text, also with gzip
- `excel_sheet`, `json_lines`, `parquet_file`: files of other kinds
- `sql_query`: tables and queries of databases, SQLite files and DuckDB files
"""

from scoring.importing.readers.raw_rows import RawRows, concatenate
from scoring.importing.readers.source_options import SourceOptions, format_option, locate_option
from scoring.importing.readers.source_reader import describe_source, read_source

__all__ = [
    "RawRows",
    "SourceOptions",
    "concatenate",
    "describe_source",
    "format_option",
    "locate_option",
    "read_source",
]
