"""Validation of any frame: canonical rows, and the rejected rows with their reasons.

- `normalise`: one table; `column_matching`: names and aliases; `lazy_frame`: columns converted when they are read
- `cross_table`: checks of all tables together
- `data_errors`: rejections, and how an error words them; `report`: the account of every row
- `rejected_rows`: files of rejected rows
"""
