"""Read sources of any kind as frames of raw values, with the rows that cannot be read.

- `raw_rows`: the result of every reader; `source_options`: how to read a source
- `source_reader`: selects the reader of a file or folder
- `text_encoding`, `text_delimiter`, `delimited_text`: CSV, TSV and other delimited text, also with gzip
- `parquet_file`: Parquet files, and Arrow tables as frames
"""

from scoring.importing.readers.raw_rows import RawRows, concatenate
from scoring.importing.readers.source_options import SourceOptions
from scoring.importing.readers.source_reader import read_source

__all__ = ["RawRows", "SourceOptions", "concatenate", "read_source"]
