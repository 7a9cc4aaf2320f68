"""Make data/sample: a small synthetic market as CSV, with a few invalid rows that an import must reject.

python scripts/make_sample.py
"""

from __future__ import annotations

from pathlib import Path

from scoring.synthetic import write_sample

FOLDER = Path(__file__).parent.parent / "data" / "sample"


def main() -> None:
    for file in sorted(write_sample(FOLDER).parent.iterdir()):
        print(f"{file.name}: {len(file.read_text('utf-8').splitlines()):,} lines, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
