"""Load profiles from files. The name and version in a file must match its path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from scoring.argument_checks import check_positive_integer
from scoring.errors import ConfigurationError, ModelError, make_printable
from scoring.model import Component, ScoringModel
from scoring.model_catalog import get_component_kinds, list_preset_names, load_model
from scoring.registry.metadata import Parent, ProfileMetadata
from scoring.registry.names import Reference
from scoring.registry.profile_version import Profile, parse_metadata, parse_profile
from scoring.registry.store import ProfileStore

__all__ = ["ProfileReader"]

_DIGEST = re.compile(r"[0-9a-f]{32}")


class ProfileReader:
    """Profiles of a folder, with shipped and custom components. All methods raise the errors of `Store`."""

    def __init__(self, folder: Path, components: Iterable[type[Component]]) -> None:
        self.store = ProfileStore(folder)
        self._kinds = get_component_kinds(components)

    def load(self, name: str, version: int | None = None) -> Profile:
        """Load a profile by NAME or NAME@VERSION. Without a version it is the newest.

        Raises
        ------
        ConfigurationError: If `name` and `version` contain different versions, or `version` is not an integer.
        ModelError: If the file is invalid or belongs to another profile, or `name` is a shipped model.
        """
        if name in list_preset_names():
            raise ModelError(
                f"profile {name}: {name} is a shipped model, not a profile. Use it as a model, such as --model {name}.",
                key=("name",),
            )
        if version is not None:
            version = check_positive_integer("version", version)
        reference = Reference.parse(name)
        if reference.version is not None and version not in (None, reference.version):
            raise ConfigurationError(
                f"profile {reference}: version={version} contradicts the name. Give only one of them.",
                key=("name", "version"),
            )
        chosen, text = self.store.text(reference.name, reference.version if version is None else version)
        profile = parse_profile(text, self._kinds, source=str(self.store.path(reference.name, chosen)))
        self._require_place(profile.metadata, reference.name, chosen)
        return profile

    def parse(self, text: str, source: str) -> Profile:
        """Return the profile of a text.

        Raises
        ------
        ModelError: If the text is invalid. The message contains `source`.
        """
        return parse_profile(text, self._kinds, source=source)

    def metadata(self, name: str, version: int) -> ProfileMetadata:
        """Return the metadata of a version without parsing its model."""
        _, text = self.store.text(name, version)
        metadata = parse_metadata(text, source=str(self.store.path(name, version)))
        self._require_place(metadata, name, version)
        return metadata

    def places(self) -> list[tuple[str, int]]:
        """Return all names and versions in order."""
        return [(name, version) for name in self.store.names() for version in self.store.versions(name)]

    def _require_place(self, metadata: ProfileMetadata, name: str, version: int) -> None:
        if (metadata.name, metadata.version) != (name, version):
            raise ModelError(
                f"{self.store.path(name, version)} contains profile {make_printable(metadata.reference)}, not "
                f"{name}@{version}. Restore the original file, or move this one to "
                f"{make_printable(metadata.name)}/{metadata.version:04d}.yaml.",
                path=str(self.store.path(name, version)),
                key=("name",),
            )

    def parent(self, of: str | Profile | ScoringModel) -> Parent:
        """Return the reference to a parent as it is saved in a file.

        `of` is a profile, a model, the name of a profile or shipped model, or a digest of 32 hexadecimal digits.

        Raises
        ------
        ModelError: If no profile or model has this name, or the profile differs from the saved one.
        """
        if isinstance(of, str) and _DIGEST.fullmatch(of) and not self.store.versions(of):
            return Parent(digest=of)
        if isinstance(of, str):
            of = load_model(of) if of in list_preset_names() else self.load(of)
        if isinstance(of, Profile):
            of.require_as_saved()
            return Parent(name=of.name, version=of.version, digest=of.digest)
        shipped = of.name in list_preset_names() and load_model(of.name).digest == of.digest
        return Parent(name=of.name if shipped else None, digest=of.digest)

    def metadata_of(self, parent: Parent) -> ProfileMetadata | None:
        """Return the metadata of a parent, or None if the folder does not contain it.

        A parent without a name is found by its digest.
        """
        if parent.name is None:
            all_metadata = (self.metadata(*place) for place in self.places())
            return next((metadata for metadata in all_metadata if metadata.digest == parent.digest), None)
        if parent.version is None or parent.version not in self.store.versions(parent.name):
            return None
        return self.metadata(parent.name, parent.version)
