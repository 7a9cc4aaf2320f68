"""Validation of DataFrames: canonical rows, and rejected rows with their reasons.

- `normalise`: one table; `column_matching`: names and aliases; `lazy_frame`: columns converted at first access
- `cross_table`: checks of all tables together
- `data_errors`: rejections and error messages; `report`: row counts of tables and datasets
- `rejected_rows`: files of rejected rows
"""
