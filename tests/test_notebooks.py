"""Checks beyond nbval: marked cells can be compared, and no traces of a machine are committed."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
MARK = "NBVAL_CHECK_OUTPUT"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request) -> dict:
    return json.loads(request.param.read_text("utf-8"))


def _code(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_notebooks_exist():
    assert [path.stem for path in NOTEBOOKS][:1] == ["01_load"]


def test_every_cell_ran_once_and_in_order(notebook):
    assert [cell["execution_count"] for cell in _code(notebook)] == list(range(1, len(_code(notebook)) + 1))


def test_marked_cells_have_something_to_compare(notebook):
    # nbval passes a marked cell without stored output
    marked = [cell for cell in _code(notebook) if MARK in "".join(cell["source"])]
    assert marked
    assert all(cell["outputs"] for cell in marked)


def test_kernel_is_python3(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


def test_outputs_have_no_machine_paths_and_no_errors(notebook):
    outputs = json.dumps([cell["outputs"] for cell in _code(notebook)])
    text = re.sub(r'"image/png": "[^"]*"', "", outputs)
    assert not re.search(r"(/home|/root|/tmp|/work|/Users|[A-Z]:\\\\)", text)
    assert '"output_type": "error"' not in text


def test_each_opens_with_a_question(notebook):
    title, _, question = "".join(notebook["cells"][0]["source"]).partition("\n\n")
    assert re.fullmatch(r"# \d · .+", title)
    assert "?" in question.partition("\n\n")[0]


def test_links_exist_and_match_titles(notebook):
    text = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    for said, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", text):
        there = NOTEBOOKS[0].parent / target
        assert there.exists(), target
        if there.suffix == ".ipynb":
            first = json.loads(there.read_text("utf-8"))["cells"][0]["source"]
            assert first[0] == f"# {said}\n"
