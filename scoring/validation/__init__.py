"""Validation of DataFrames: canonical rows, and rejected rows with their reasons.

- `normalise`: one table; `column_matching`: names and aliases; `unconverted_frame`: columns converted at first access
- `cross_table`: checks of all tables together
- `data_errors`: rejections and error messages; `report`: row counts of tables and datasets
- `rejection_file`: files of rejected rows
"""
