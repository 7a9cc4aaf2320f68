"""`scoring lab`: the folder that it opens, and the copy that --copy makes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scoring.cli.commands import lab as lab_module
from scoring.cli.commands.lab import START, copy_notebooks
from scoring.errors import ConfigurationError, OutputError
from tests.cli.command import invoke, require_one_error

ROOT = Path(__file__).parents[3]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of two notebooks, a subfolder and hidden files, in the working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "notebooks"
    for name in (START, "01_load.ipynb", "images/panel.png", ".ipynb_checkpoints/old.ipynb", ".hidden"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"original {name}")
    return folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sequence[str], str]]:
    """Return the servers that the command starts: arguments and page. None really starts."""
    found: list[tuple[Sequence[str], str]] = []

    def record(name: str, arguments: Sequence[str], port: int, path: str, *rest: Any) -> None:
        found.append((arguments, path))

    monkeypatch.setattr(lab_module, "run_server", record)
    return found


def list_files(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


COPIED = {name: f"original {name}" for name in (START, "01_load.ipynb", "images/panel.png")}


def test_lab_opens_the_start_notebook(source: Path, started: list[tuple[Sequence[str], str]]) -> None:
    assert invoke("lab").exit_code == 0
    (source / START).unlink()
    assert invoke("lab", "notebooks").exit_code == 0
    assert [path for _, path in started] == [f"/lab/tree/{START}", "/lab"]
    assert all(f"--ServerApp.root_dir={source}" in arguments for arguments, _ in started)


def test_start_notebook_is_in_the_repository() -> None:
    assert (ROOT / "notebooks" / START).is_file()


@pytest.mark.parametrize(("arguments", "name"), [(["--copy"], "my_notebooks"), (["--copy", "a/b"], "a/b")])
def test_copy_is_opened_and_named(
    arguments: list[str], name: str, source: Path, started: list[tuple[Sequence[str], str]]
) -> None:
    done = invoke("lab", *arguments)
    assert done.exit_code == 0, done.output
    folder = source.parent / name
    assert f"Copy in {folder}: 3 files copied" in done.stdout
    assert f"--ServerApp.root_dir={folder}" in started[0][0]
    assert list_files(folder) == COPIED


def test_copy_keeps_existing_files(source: Path, started: list[tuple[Sequence[str], str]]) -> None:
    invoke("lab", "--copy")
    copy = source.parent / "my_notebooks"
    (copy / "01_load.ipynb").write_text("edited")
    (copy / "own.ipynb").write_text("own")
    (copy / START).unlink()
    done = invoke("lab", "--copy")
    assert "1 file copied, 2 existing files kept" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("Kept: ")] == [
        "Kept: 01_load.ipynb differs from the original. To copy it again, rename it first."
    ]
    assert list_files(copy) == COPIED | {"01_load.ipynb": "edited", "own.ipynb": "own"}


def test_copy_result_lists_each_file(source: Path) -> None:
    target = source.parent / "copy"
    assert copy_notebooks(source, target).copied == (START, "01_load.ipynb", "images/panel.png")
    (target / START).write_text("edited")
    again = copy_notebooks(source, target)
    assert (again.copied, again.unchanged, again.edited) == ((), ("01_load.ipynb", "images/panel.png"), (START,))


@pytest.mark.parametrize("target", ["notebooks", "notebooks/copy", "./notebooks/../notebooks/copy"])
def test_copy_inside_the_notebooks_is_an_error(target: str, source: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        copy_notebooks(Path("notebooks"), Path(target))
    assert caught.value.key == ("copy",)
    assert list_files(source).keys() == {*COPIED, ".ipynb_checkpoints/old.ipynb", ".hidden"}


def test_copy_without_notebooks_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lab_module, "PACKAGED_NOTEBOOKS", tmp_path / "package/scoring/notebooks")
    require_one_error(invoke("lab", "--copy"), 1, "notebooks is not a folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("found", ["here", "wheel", "checkout"])
def test_originals_are_here_in_the_wheel_or_in_the_checkout(
    found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {
        "here": tmp_path / "work/notebooks",
        "wheel": tmp_path / "checkout/scoring/notebooks",
        "checkout": tmp_path / "checkout/notebooks",
    }
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(lab_module, "PACKAGED_NOTEBOOKS", folders["wheel"])
    for folder in list(folders.values())[list(folders).index(found) :]:
        folder.mkdir(parents=True)
        (folder / START).touch()
    assert lab_module.find_notebooks().resolve() == folders[found]


def test_copy_to_a_file_is_an_error(source: Path) -> None:
    (source.parent / "taken").write_text("text")
    with pytest.raises(OutputError):
        copy_notebooks(source, source.parent / "taken")
    assert (source.parent / "taken").read_text() == "text"
