"""The scripts of the documentation site can be imported; they are not part of the package."""

import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "docs" / "_ext"
sys.path.insert(0, str(SCRIPTS))
