"""From any frame to canonical rows, with a report of the rows that were rejected.

- `normalise`: one table; `column_matching`: names and aliases; `lazy_frame`: columns converted when they are read
- `cross_table`: checks across tables
- `data_errors`: what is wrong with which rows; `report`: what became of every row
"""
