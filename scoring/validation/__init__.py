"""Validation of DataFrames: canonical rows, and rejected rows with their reasons.

- `normalise`: one table; `column_matching`: names and aliases; `lazy_columns`: columns converted at first access
- `cross_table`: checks of all tables together
- `rejections`: rejections and error messages; `report`: row counts of tables and datasets
- `rejection_file`: files of rejected rows
"""
