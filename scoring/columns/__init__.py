"""The tables of a dataset, their columns and types, and canonical frames.

- `table_specs`: every table's columns and their types
- `dataset_frames`: `Tables`, the frames of a dataset with these columns
- `board_definition`: own columns and settings of one job board
- `types`: one file per column type; `series_functions`: their shared functions
- `text_normalisation`: the text in which values are compared; `id_arguments`: ids as callers give them
- `text_id_hash`: numbers of text ids; `city_code_padding`: city codes that lost a zero
- `dictionary_column`: a column as distinct values and the position of each row's value
"""

from scoring.columns.table_specs import (
    ACTION_KINDS,
    FACTOR_TABLES,
    MAX_MONEY,
    PRESENCE,
    RESULT_COLUMNS,
    SALARY_TYPES,
    TABLES,
    Column,
    Table,
)

__all__ = [
    "ACTION_KINDS",
    "FACTOR_TABLES",
    "MAX_MONEY",
    "PRESENCE",
    "RESULT_COLUMNS",
    "SALARY_TYPES",
    "TABLES",
    "Column",
    "Table",
]
