"""Safe YAML that stays small: a few lines of merge keys may stand for billions of keys."""

from __future__ import annotations

from typing import Final

import yaml

__all__ = ["BoundedLoader"]

MOST_KEYS: Final = 10_000


class BoundedLoader(yaml.SafeLoader):
    """`yaml.SafeLoader`, but that a mapping has at most `MOST_KEYS` keys once others are merged into it (`<<`)."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Raises ConstructorError."""
        super().flatten_mapping(node)
        if len(node.value) > MOST_KEYS:
            problem = f"a mapping stands for more than {MOST_KEYS:,} keys"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
