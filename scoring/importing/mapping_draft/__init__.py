"""A draft of the mapping file for files of unknown layout.

- `column_profile`: what the values of a column are: ids, numbers, amounts, times, flags, lists, text
- `column_name_match`: which column of a table a name means, in English and Japanese
- `table_choice`: which tables a file can fill, and from which of its columns
- `board_definition_draft`: own columns that the mapping may keep, and the settings of the board
- `draft_text`: the mapping as commented YAML
"""

from scoring.importing.mapping_draft.draft_text import draft_mapping

__all__ = ["draft_mapping"]
