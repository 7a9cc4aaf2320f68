"""Profiles read from their files, each from the place that it says it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from scoring.catalog import component_kinds, load_model, preset_names
from scoring.errors import ConfigurationError, ModelError, printable
from scoring.model import Component, ScoringModel
from scoring.tuning.registry.metadata import About, Parent
from scoring.tuning.registry.names import Reference
from scoring.tuning.registry.profile import Profile, parse_about, parse_profile
from scoring.tuning.registry.store import Store

__all__ = ["Library"]

_DIGEST = re.compile(r"[0-9a-f]{32}")


class Library:
    """What a folder holds, read with the shipped components and one's own. Raises as `Store` does."""

    def __init__(self, folder: Path, components: Iterable[type[Component]]) -> None:
        self.store = Store(folder)
        self._kinds = component_kinds(components)

    def load(self, name: str, version: int | None = None) -> Profile:
        """Of NAME, or of NAME@VERSION."""
        reference = Reference.parse(name)
        if reference.version is not None and version not in (None, reference.version):
            raise ConfigurationError(f"profile {reference}: version {version} is asked for, too; give one of the two.")
        chosen, text = self.store.text(reference.name, reference.version if version is None else version)
        profile = parse_profile(text, self._kinds, source=str(self.store.path(reference.name, chosen)))
        self._require_place(profile.about, reference.name, chosen)
        return profile

    def about(self, name: str, version: int) -> About:
        """What is known of a version, without reading its model."""
        _, text = self.store.text(name, version)
        about = parse_about(text, source=str(self.store.path(name, version)))
        self._require_place(about, name, version)
        return about

    def places(self) -> list[tuple[str, int]]:
        """Every name and version, in order."""
        return [(name, version) for name in self.store.names() for version in self.store.versions(name)]

    def _require_place(self, about: About, name: str, version: int) -> None:
        if (about.name, about.version) != (name, version):
            raise ModelError(
                f"{self.store.path(name, version)}: this is the file of {printable(about.reference)}, and not of "
                f"{name}@{version}; put it back in its place."
            )

    def parent(self, of: str | Profile | ScoringModel) -> Parent:
        """How a file names a parent. Raises ModelError for one that is not here, unless it is a digest."""
        if isinstance(of, str) and _DIGEST.fullmatch(of) and not self.store.versions(of):
            return Parent(digest=of)
        if isinstance(of, str):
            of = load_model(of) if of in preset_names() else self.load(of)
        if isinstance(of, Profile):
            of.require_as_saved()
            return Parent(name=of.name, version=of.version, digest=of.digest)
        shipped = of.name in preset_names() and load_model(of.name).digest == of.digest
        return Parent(name=of.name if shipped else None, digest=of.digest)

    def about_of(self, parent: Parent) -> About | None:
        """Of a parent that is here, by its name or, where that is not known, by its digest."""
        if parent.name is None:
            found = (self.about(*place) for place in self.places())
            return next((about for about in found if about.digest == parent.digest), None)
        if parent.version is None or parent.version not in self.store.versions(parent.name):
            return None
        return self.about(parent.name, parent.version)
