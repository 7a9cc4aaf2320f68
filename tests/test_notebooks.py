"""Checks beyond nbval: marked cells can be compared, and no traces of a machine are committed."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
TAG = "nbval-check-output"
"""Tag of the cells whose outputs nbval compares. Readers do not see it, unlike a comment in the cell."""
CODE_WIDTH = 100
"""Most characters of a line of code without a horizontal scroll bar in a window of 1280 pixels."""
WORKSHOP = ("02_memory", "03_chunk_size", "04_profiling", "05_cache_hits", "08_scale")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request) -> dict:
    return json.loads(request.param.read_text("utf-8"))


def _code(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_notebooks_exist():
    assert [path.stem for path in NOTEBOOKS][:2] == ["00_start", "01_load"]


def test_every_cell_ran_once_and_in_order(notebook):
    assert [cell["execution_count"] for cell in _code(notebook)] == list(range(1, len(_code(notebook)) + 1))


def test_marked_cells_have_something_to_compare(notebook):
    # nbval passes a marked cell without stored output
    marked = [cell for cell in _code(notebook) if TAG in cell["metadata"].get("tags", [])]
    assert marked
    assert all(cell["outputs"] for cell in marked)


def test_readers_see_no_marks_of_the_tests(notebook):
    source = "".join("".join(cell["source"]) for cell in notebook["cells"])
    assert not re.search(r"nbval|NBVAL|pytest", source)


def test_imports_are_in_one_cell(notebook):
    cells = [cell for cell in _code(notebook) if re.search(r"^(import|from) ", "".join(cell["source"]), re.MULTILINE)]
    assert len(cells) == 1


def test_no_cell_draws_with_matplotlib(notebook):
    source = "".join("".join(cell["source"]) for cell in _code(notebook))
    assert not re.search(r"matplotlib|plt\.|subplots|barh", source)


def test_code_has_no_scroll_bar(notebook):
    lines = "\n".join("".join(cell["source"]) for cell in _code(notebook)).splitlines()
    assert [line for line in lines if len(line) > CODE_WIDTH] == []


def test_every_image_has_an_alternative_text(notebook):
    for cell in _code(notebook):
        for output in cell["outputs"]:
            data = output.get("data", {})
            assert not any(kind.startswith("image/") for kind in data)
            for image in re.findall(r"<img [^>]*>", "".join(data.get("text/html", ""))):
                assert len(re.search(r'alt="([^"]*)"', image)[1]) > 40
    text = "".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    assert not re.search(r"!\[\s*\]", text)


def test_kernel_is_python3(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


def test_outputs_have_no_machine_paths_and_no_errors(notebook):
    outputs = json.dumps([cell["outputs"] for cell in _code(notebook)])
    text = re.sub(r"base64,[A-Za-z0-9+/=]*", "", outputs)
    assert not re.search(r"(/home|/root|/tmp|/work|/Users|[A-Z]:\\\\)", text)
    assert '"output_type": "error"' not in text


def test_each_opens_with_a_question(notebook):
    title, _, question = "".join(notebook["cells"][0]["source"]).partition("\n\n")
    assert re.fullmatch(r"# \d+ · .+", title)
    assert "?" in question.partition("\n\n")[0]


def test_each_ends_with_the_next_step(notebook):
    last = notebook["cells"][-1]
    assert last["cell_type"] == "markdown"
    assert "Next: " in "".join(last["source"])


def test_links_stay_in_the_folder(notebook):
    """A copy of the folder works elsewhere."""
    text = "".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    assert not re.search(r"\]\(\.\./", text)


def test_start_lists_every_notebook_in_order():
    text = "".join("".join(cell["source"]) for cell in json.loads(NOTEBOOKS[0].read_text("utf-8"))["cells"])
    listed = re.findall(r"^\|.*\]\((\w+)\.ipynb\)", text, re.MULTILINE)
    assert listed == [
        "01_load",
        "06_tune_weights",
        "07_search_weights",
        "09_your_data",
        "10_live",
        "11_learned",
        *WORKSHOP,
    ]
    assert {"00_start", *listed} == {path.stem for path in NOTEBOOKS}


def test_links_exist_and_match_titles(notebook):
    text = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    for said, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", text):
        there = NOTEBOOKS[0].parent / target
        assert there.exists(), target
        if there.suffix == ".ipynb":
            first = json.loads(there.read_text("utf-8"))["cells"][0]["source"]
            assert first[0] == f"# {said}\n"
