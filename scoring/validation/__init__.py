"""Validation of DataFrames: canonical rows, and rejected rows with their reasons.

- `table_validator`: one table; `column_match`: names and aliases; `lazy_columns`: columns converted at first access
- `frame_library_conversion`: frames of other libraries
- `id_resolution`: numbers of text ids, which `referenced_ids` define
- `cross_table_checks`: checks of all tables together
- `unknown_values`: values that no reference table knows; `zero_padding_notes`: messages about padded codes
- `rejections`: rejections and error messages; `report`: row counts of tables and datasets
- `rejection_file`: files of rejected rows
"""
