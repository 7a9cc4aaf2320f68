"""Names that README, guides and notebooks import from the package."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def read_sources() -> list[str]:
    """Return the text of the guides, and the cells of the notebooks."""
    guides = [ROOT / "README.md", ROOT / "MIGRATING.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")]
    texts = [path.read_text("utf-8") for path in guides]
    for path in ROOT.glob("notebooks/*.ipynb"):
        texts += ["".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]]
    return texts


def find_imported_names() -> set[tuple[str, str]]:
    """Return the module and the name of each import, also those of `scoring.NAME(…)`."""
    found = set()
    for text in read_sources():
        found |= {("scoring", name) for name in re.findall(r"\bscoring\.([A-Z]\w+)[.(]", text)}
        for line in re.findall(r"^from scoring[\w.]* import (?:\([^)]*\)|.*)$", text, re.MULTILINE):
            for node in ast.parse(line).body:
                assert isinstance(node, ast.ImportFrom)
                found |= {(str(node.module), alias.name) for alias in node.names}
    return found
