"""The widgets that load and save profiles. Their logic is in `profile_saver`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from scoring.errors import ScoringError
from scoring.widgets.anywidgets import LiveLine
from scoring.widgets.profile_saver import ProfileSaver

__all__ = ["ProfileBox"]

_LABEL = {"description_width": "60px"}
_NONE = "(choose a profile)"


class ProfileBox:
    """The buttons `load` and `save` with their inputs `chosen`, `name` and `note`, and the line `message`."""

    def __init__(
        self, saver: ProfileSaver, on_load: Callable[[str], None], on_save: Callable[[str, str], None]
    ) -> None:
        self._saver = saver
        wide: Any = {"style": _LABEL, "layout": widgets.Layout(width="290px", margin="1px 2px")}
        self.chosen = widgets.Dropdown(description="profile", tooltip="saved profiles", options=[_NONE], **wide)
        self.load = _button("Load", "load the weights and parameters of the chosen profile")
        self.name, self.note = (
            widgets.Text(description=name, tooltip=tooltip, continuous_update=False, **wide)
            for name, tooltip in (("name", "name of the saved profile"), ("note", "note saved with the profile"))
        )
        self.save = _button("Save", "save weights and parameters as a new version of this profile")
        self.message = LiveLine()
        self.load.on_click(lambda _: on_load("" if self.chosen.value == _NONE else self.chosen.value))
        self.save.on_click(lambda _: on_save(self.name.value, self.note.value))
        self.box = widgets.VBox(
            [widgets.HBox([self.chosen, self.load]), self.name, widgets.HBox([self.note, self.save]), self.message]
        )
        self.refresh()

    def refresh(self, chosen: str = _NONE) -> str:
        """Read the list of profiles again. Return a sentence if it cannot be read, otherwise ""."""
        try:
            names = self._saver.names()
        except ScoringError as error:
            return str(error)
        self.chosen.options = [_NONE, *names]
        self.chosen.value = chosen if chosen in names else _NONE
        return ""


def _button(name: str, tooltip: str) -> Any:
    return widgets.Button(description=name, tooltip=tooltip, layout=widgets.Layout(width="84px", margin="1px 2px"))
