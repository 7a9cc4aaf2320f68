"""Record the golden files again: `python -m tests.cli.golden`."""

from tests.cli.golden.pages import FOLDER, PAGES, text_of

for name, page in PAGES.items():
    (FOLDER / f"{name}.txt").write_text(text_of(page()), encoding="utf-8")
