"""A draft of the mapping file for files of unknown layout.

- `column_profile`: what the values of a column are: ids, numbers, amounts, times, flags, lists, text
- `column_names`: which column of a table a name means, in English and Japanese
- `table_choice`: which tables a file can fill, and from which of its columns
- `draft`: the mapping as commented YAML
"""

from scoring.importing.suggestion.draft import suggest_mapping

__all__ = ["suggest_mapping"]
