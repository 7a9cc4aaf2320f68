"""Golden files: the text of each printed table, one file per page.

Record them again with `python -m tests.cli.golden` after an intended change of a table. The diff of the text files
then shows what users will see.
"""
