"""The registry: a folder of profiles, the promoted version, and the log of evaluations on test users."""

from __future__ import annotations

import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from scoring.components.learned import find_training_users
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, DatabaseError, ModelError, OutputError, suggest
from scoring.model import Component, ScoringModel
from scoring.model_catalog import AnyModel, list_preset_names, load_model
from scoring.registry.diff import ProfileDiff
from scoring.registry.evaluation_file import SavedEvaluation
from scoring.registry.evaluation_log import DeclaredLimit, TestAccess, count_looks, make_access_frame
from scoring.registry.evaluation_log_records import FindUsers, describe_backtest, describe_scoreboard
from scoring.registry.fitted_users import FittedUsers
from scoring.registry.held_out_pair_sketch import SketchKeys
from scoring.registry.mergeable_journal import EntryJournal
from scoring.registry.metadata import ProfileMetadata, TuningData, parse_metrics, to_utc, validate_section
from scoring.registry.names import PROMOTED, Reference, check_name
from scoring.registry.profile_reader import ProfileReader
from scoring.registry.profile_version import Profile, dump_profile, parse_metadata, parse_profile
from scoring.registry.promotion_evidence import Evidence, EvidenceError, collect_evidence
from scoring.registry.promotion_requests import PromotionRequest, find_open_request, require_other_name
from scoring.registry.promotion_storage import PromotedTable
from scoring.registry.promotions import (
    FolderPromotion,
    Promotion,
    PromotionState,
    StoredPromotion,
    find_active_promotions,
    find_rollback_target,
    make_history_frame,
)
from scoring.registry.registry_frames import make_lineage_frame, make_list_frame
from scoring.registry.sql_index import ProfileIndex
from scoring.storage.home_folder_expansion import expand_path

if TYPE_CHECKING:
    from scoring.evaluation import Backtest, Scoreboard

__all__ = ["DEFAULT_FOLDER", "Registry"]

DEFAULT_FOLDER = Path("data/profiles")
"""The folder of profiles that commands use without `--profiles`."""
_DEFAULT_URL: Final = "sqlite:///data/market.db"
"""Commands need no --db for this database."""

MAX_TEXT = 4_000
"""Limit for the note, the reason and the name of a promotion, in characters."""

_LOOK = "evaluation on test users"

_RENAMED = {
    "evidence": "collect_evidence",
    "fitted_users": "find_fitted_users",
    "history": "list_promotions",
    "lineage": "list_lineage",
    "log_test_look": "log_test_access",
    "model": "load_model",
    "promoted": "load_promoted",
    "test_accesses": "list_test_accesses",
    "versions": "list_versions",
}
"""Deprecated name of a method → its name."""

ModelLike = str | Profile | ScoringModel
"""A profile or model object, NAME (the newest version), NAME@VERSION, `promoted`, or the name of a shipped model."""


class Registry:
    """Profiles in a folder, as YAML files that a team can review and keep in version control.

    The versions of a profile are `folder/NAME/0001.yaml`, `0002.yaml` and so on. They are never overwritten. The
    journals `promotions.jsonl`, `requests.jsonl` and `test_looks.jsonl` are append-only. `test_looks.key` contains the
    key of the hashes in `test_looks.jsonl`. Any number of processes may read and write.

    Parameters
    ----------
    folder: Folder of the profiles. The first write creates it.
    database: Argument of `Database.open`: the database that promotions apply to. `scoring run` ranks it with the
        promoted profile. It also contains an index of the profiles. A promotion through a Session applies when the
        caller commits. Without a database, promotions are recorded in the folder only, and no run uses them.
    components: Custom component classes, in addition to the shipped ones.
    clock: Returns the current time with its time zone.

    Raises
    ------
    ConfigurationError: If a name is invalid.
    ModelError: If a profile does not exist or is invalid.
    OutputError: If the folder cannot be read or written.
    DatabaseError: If the index cannot be written.

    Example
    -------
    >>> registry = Registry(folder / "profiles")
    >>> registry.save("nearby", model, note="more weight on places").metadata.reference
    'nearby@1'
    """

    def __init__(
        self,
        folder: str | Path = DEFAULT_FOLDER,
        *,
        database: Any = None,
        components: Iterable[type[Component]] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.folder = expand_path(folder, "folder")
        self._components = tuple(components)
        self._reader = ProfileReader(self.folder, self._components)
        self._index = None if database is None else ProfileIndex(database)
        self._table = None if database is None else PromotedTable(database)
        self._clock = clock
        self._promotions = EntryJournal(self.folder, "promotions.jsonl", FolderPromotion)
        self._requests = EntryJournal(self.folder, "requests.jsonl", PromotionRequest)
        self._test_accesses = EntryJournal(self.folder, "test_looks.jsonl", TestAccess)
        self._keys = SketchKeys(self.folder)

    def __repr__(self) -> str:
        return f"Registry({str(self.folder)!r})"

    if not TYPE_CHECKING:  # otherwise mypy accepts any attribute

        def __getattr__(self, name: str) -> Any:
            new = _RENAMED.get(name)
            if new is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            warnings.warn(f"Registry.{name} was renamed. Use Registry.{new}.", DeprecationWarning, stacklevel=2)
            return getattr(self, new)

    def for_database(self, database: Any) -> Registry:
        """Return a registry of the same folder whose promotions are those of `database`."""
        return Registry(self.folder, database=database, components=self._components, clock=self._clock)

    # Saving and loading

    def save(
        self,
        name: str,
        model: AnyModel,
        *,
        parent: ModelLike | None = None,
        found_on: Dataset | TuningData | None = None,
        metrics: Mapping[str, Mapping[str, Any]] | None = None,
        note: str = "",
        author: str | None = None,
        users: FittedUsers | None = None,
    ) -> Profile:
        """Save the model as a new version of the profile `name`, and return it.

        If the newest version has the same model, metadata and users, nothing is saved and this version is returned.

        Parameters
        ----------
        parent: The origin of the weights: a profile, a model or a digest.
        found_on: The data that the weights were tuned on.
        metrics: Split (train, validation, test) → name → number, `Metric`, or mapping of value, low, high and n.
        note: Free text, stored in the file.
        author: Stored only if given.
        users: The users that the weights were fitted and selected on, kept in a file beside the profile. Evaluations
            report how many of them they include.
        """
        name, model = check_name(name), load_model(model, self._components)
        if parent == PROMOTED:
            parent = self.load(PROMOTED)
        known = {
            "name": name,
            "saved_at": to_utc(self._clock()).replace(microsecond=0),
            "author": author,
            "note": note,
            "model": model.name,
            "digest": model.digest,
            "parent": None if parent is None else self._reader.parent(parent),
            "found_on": _make_tuning_data(found_on),
            "code_version": sys.modules["scoring"].__version__,
            "metrics": parse_metrics(metrics),
        }

        def metadata(version: int) -> ProfileMetadata:
            return validate_section(ProfileMetadata, known | {"version": version}, f"profile {name}")

        newest = self._find_newest(name)
        if newest is not None and self._is_identical(newest, metadata(newest.version), users):
            return newest
        version = self._reader.store.add(
            name, lambda number: dump_profile(metadata(number), model), None if users is None else users.dump()
        )
        self._indexed(f"{name}@{version} is saved", lambda index: index.add(metadata(version)))
        kinds = {part.component.kind: type(part.component) for part in model.parts}
        _, text = self._reader.store.text(name, version)
        return parse_profile(text, kinds, source=str(self._reader.store.path(name, version)))

    def load(self, name: str, version: int | None = None) -> Profile:
        """Return a version of a profile (None: the newest). `name` may also be NAME@VERSION or `promoted`.

        Issue a UserWarning if the model differs from the saved one (`Profile.as_saved`).
        """
        profile = self._load(name, version)
        if profile.problem is not None:
            warnings.warn(profile.problem, UserWarning, stacklevel=2)
        return profile

    def use(self, name: str, version: int | None = None) -> Profile:
        """Return a profile for scoring, loaded as by `load`.

        Raises
        ------
        ModelError: If the model differs from the saved or promoted one.
        """
        profile = self._load(name, version)
        profile.require_as_saved()
        return profile

    def _is_identical(self, saved: Profile, metadata: ProfileMetadata, users: FittedUsers | None) -> bool:
        """Return whether a saved version has this metadata, apart from its time, and these users among its own."""
        if saved.metadata != metadata.model_copy(update={"saved_at": saved.metadata.saved_at}):
            return False
        return users is None or self._read_users(saved.name, saved.version).contains(users)

    def _read_users(self, name: str, version: int) -> FittedUsers:
        text = self._reader.store.users(name, version)
        path = self._reader.store.users_path(name, version)
        return FittedUsers() if text is None else FittedUsers.load(text, str(path))

    def _find_newest(self, name: str) -> Profile | None:
        """Return the newest version of a profile. None if there is none, or it was edited."""
        if not self._reader.store.versions(name):
            return None
        try:
            profile = self._reader.load(name)
        except ModelError:  # it does not prevent saving the next version
            return None
        return profile if profile.is_as_saved else None

    def find_fitted_users(self, of: ModelLike) -> FittedUsers:
        """Return the users that a model or its ancestors were fitted and selected on, as far as they are recorded.

        Users that trained models of its components were trained on count as fitted.
        A model is found by its digest, so it does not have to be given as a profile.
        """
        of = of if isinstance(of, Profile) else self.load_model(of)
        known = self._read_valid_metadata()
        model = of.model if isinstance(of, Profile) else of
        digests, seen, users = [of.digest], set[str](), FittedUsers.of(find_training_users(model).tolist())
        while digests:
            digest = digests.pop()
            if digest in seen:
                continue
            seen.add(digest)
            for metadata in known:
                if metadata.digest == digest:
                    users = users.add(self._read_users(metadata.name, metadata.version))
                    digests += [] if metadata.parent is None else [metadata.parent.digest]
        return users

    def find_profile(self, digest: str) -> Profile | None:
        """Return the newest saved or promoted profile whose model has this digest. None: there is none.

        Raises
        ------
        ModelError: If its model differs from the saved one.
        """
        for metadata in sorted(self._read_valid_metadata(), key=lambda one: one.saved_at, reverse=True):
            if metadata.digest == digest:
                return self.use(metadata.name, metadata.version)
        for entry in reversed(self.list_decisions()):
            if entry.digest == digest and isinstance(entry, StoredPromotion):
                return self.load_promotion(entry)
        return None

    def _read_valid_metadata(self) -> Sequence[ProfileMetadata]:
        """Return the metadata of every version. An invalid file does not hide the other profiles."""
        known = []
        for place in self._reader.places():
            with suppress(ModelError, OutputError):
                known.append(self._reader.metadata(*place))
        return known

    def list_versions(self, name: str) -> tuple[int, ...]:
        """Return the existing versions. The result is empty if the profile does not exist."""
        return tuple(self._reader.store.versions(name))

    def list(self) -> pd.DataFrame:
        """Return a frame with one row per version.

        Columns: name · version · in_use · saved_at · parent · model · digest · data_fingerprint · as_of ·
        code_version · author · note · problem (a sentence if the file cannot be read) · one column per metric, such
        as `test ndcg@10`. Models are not read, so an edited file is reported only when it is loaded.
        """
        in_use = self.find_promotion()
        rows: dict[tuple[str, int], ProfileMetadata | str] = {}
        for place in self._reader.places():
            try:
                rows[place] = self._reader.metadata(*place)
            except (ModelError, OutputError) as error:  # one invalid file must not hide the other profiles
                rows[place] = str(error)
        return make_list_frame(rows, None if in_use is None else in_use.reference)

    def diff(self, a: ModelLike, b: ModelLike) -> ProfileDiff:
        """Return the differences from `a` to `b`: weights, components, parameters, rules. See `ProfileDiff.frame`."""
        return ProfileDiff(self.load_model(a), self.load_model(b))

    def load_model(self, named: ModelLike) -> ScoringModel:
        """Return the model of a profile, or a shipped model.

        Raises
        ------
        ModelError: If the name is neither that of a shipped model nor that of a profile.
        """
        if isinstance(named, ScoringModel):
            return named
        if isinstance(named, Profile):
            return named.model
        if isinstance(named, str) and named in list_preset_names():
            return load_model(named)
        names = self._reader.store.names()
        if named == PROMOTED or (reference := Reference.parse(named)).version is not None or reference.name in names:
            return self.load(named).model
        known = suggest(named, [*list_preset_names(), *names, PROMOTED])
        raise ModelError(f"{named} is neither a shipped model nor a profile in {self.folder}. {known}", key=("name",))

    def list_lineage(self, name: str, version: int | None = None) -> pd.DataFrame:
        """Return a frame with one row for the profile and each of its ancestors, nearest first.

        Columns: name · version · digest · saved_at · note · here (whether the registry contains it). The last row may
        be a shipped model, or a model known only by its digest.
        """
        return make_lineage_frame(self._load(name, version).metadata, self._reader.metadata_of)

    # In use

    def collect_evidence(self, name: str, version: int | None = None, *, guards: Sequence[str] = ()) -> Evidence:
        """Return the evidence for promoting a version, from the log of evaluations on test users.

        Parameters
        ----------
        guards: Measures that must not be significantly worse than those of the baseline.

        Raises
        ------
        ConfigurationError: If a guard is not a measure of the evaluation.
        """
        return self.collect_evidence_of(self._load(name, version), guards=guards)

    def collect_evidence_of(self, profile: Profile, *, guards: Sequence[str] = ()) -> Evidence:
        """Return the evidence for promoting a loaded profile. See `collect_evidence`."""
        profile.require_as_saved()
        return collect_evidence(
            profile,
            self._test_accesses.read(),
            guards=guards,
            promoted=self.find_promotion(),
            measure_known_share=None if self._table is None else self._measure_known_share,
            options=self.format_options(),
        )

    def format_options(self) -> str:
        """Return the options with which commands read this folder and database."""
        url = None if self._table is None else self._table.display()
        options = [] if self.folder == DEFAULT_FOLDER else ["--profiles", str(self.folder)]
        options += [] if url in (None, _DEFAULT_URL) else ["--db", url]
        return "".join(f" {shlex.quote(word)}" for word in options)

    def _measure_known_share(self, access: TestAccess) -> float | None:
        """Return the share of the sketched pairs that the database contains. None: the key of the sketch is missing."""
        assert self._table is not None, "the caller has a database"
        key = None if access.sketch_key is None else self._keys.find(access.sketch_key)
        if key is None and access.sketch_key is not None:
            return None
        return self._table.measure_known_share(access.sketch, access.since, key)

    def promote(
        self,
        name: str,
        version: int | None = None,
        *,
        note: str,
        guards: Sequence[str] = (),
        force: str | None = None,
        review: Callable[[Evidence], object] | None = None,
        requested_by: str | None = None,
        approved_by: str | None = None,
    ) -> Profile:
        """Take a version into use, and return it.

        Parameters
        ----------
        note: Reason for the promotion. It is stored with the measures that got worse.
        guards: Measures that must not be significantly worse than those of the baseline.
        force: Reason for promoting a version whose evidence does not support it.
        review: Called with the evidence. If it raises, nothing is promoted.
        requested_by, approved_by: Names to record. Without a request, approved_by is the person who promotes.

        Raises
        ------
        EvidenceError: If the evidence does not support the promotion and `force` is None.
        ModelError: If the model differs from the saved one.
        ConfigurationError: If the version is already in use, or the note or the reason is blank or too long.
        """
        _check_texts(note=note, force=force, by=approved_by)
        evidence = self.collect_evidence(name, version, guards=guards)
        in_use = self.find_promotion()
        self._require_other(evidence.profile, [in_use] if isinstance(in_use, StoredPromotion) else [])
        if review is not None:
            review(evidence)
        if evidence.objections and force is None:
            raise EvidenceError(evidence)
        profile = evidence.profile
        forced = f"Forced: {force}" if force is not None and evidence.objections else ""
        sentences = (note, evidence.describe_worse_measures(), forced)
        whole_note = " ".join(_end_sentence(text) for text in sentences if text)
        access = evidence.access
        details = {
            "evidence": None if access is None else access.model_dump_json(exclude={"sketch", "slices"}, by_alias=True),
            "requested_by": requested_by,
            "approved_by": approved_by,
        }
        adopted = self._collect_adopted()
        if adopted and adopted[-1].digest == profile.digest:  # this promotion replaces that of the folder
            adopted = adopted[:-1]
        return self._take_into_use(
            "promote", lambda entries: self._require_other(profile, entries), whole_note, adopted, details
        )

    def request(self, name: str, version: int | None = None, *, by: str, note: str) -> PromotionRequest:
        """Record a request to promote a version, for `approve` by a second person, and return it.

        Raises
        ------
        ModelError: If the model differs from the saved one.
        ConfigurationError: If the name of the person or the note is blank.
        """
        _check_texts(by=by, note=note)
        profile = self._load(name, version)
        profile.require_as_saved()
        entry = self._make_request("request", profile, by, note)
        return self._requests.append(lambda entries: entry)

    def approve(
        self,
        name: str,
        version: int | None = None,
        *,
        by: str,
        guards: Sequence[str] = (),
        force: str | None = None,
        review: Callable[[Evidence], object] | None = None,
    ) -> Profile:
        """Promote a version that another person requested, and return it. See `promote`.

        Raises
        ------
        EvidenceError: If the evidence does not support the promotion and `force` is None.
        ConfigurationError: If no request is open, or the same person made it.
        """
        _check_texts(by=by)
        profile = self._load(name, version)
        request = find_open_request(self._requests.read(), profile.metadata.reference, profile.digest)
        require_other_name(request, by)
        promoted = self.promote(
            profile.name,
            profile.version,
            note=request.note,
            guards=guards,
            force=force,
            review=review,
            requested_by=request.by,
            approved_by=by,
        )
        self._requests.append(lambda entries: self._make_request("approve", profile, by, ""))
        return promoted

    def _make_request(self, action: str, profile: Profile, by: str, note: str) -> PromotionRequest:
        known = {"at": to_utc(self._clock()).replace(microsecond=0), "action": action, "by": by, "note": note}
        of = {"name": profile.name, "version": profile.version, "digest": profile.digest}
        return validate_section(PromotionRequest, known | of, f"profile {profile.metadata.reference}")

    @staticmethod
    def _require_other(profile: Profile, entries: Sequence[Promotion]) -> Profile:
        if entries and (entries[-1].reference, entries[-1].digest) == (profile.metadata.reference, profile.digest):
            raise ConfigurationError(
                f"profile {profile.metadata.reference} is already the promoted one. Nothing was changed.",
                key=("name", profile.name),
            )
        return profile

    def find_rollback(self) -> Promotion:
        """Return the promotion that `rollback` would take into use again.

        Raises
        ------
        ConfigurationError: If no earlier promotion exists.
        """
        return find_rollback_target(self._read_promotions().entries)

    def rollback(self, *, note: str = "") -> Profile:
        """Take the previously promoted version into use again, and return it.

        Raises
        ------
        ModelError: If its model differs from the promoted one.
        ConfigurationError: If no earlier promotion exists.
        """
        _check_texts(note=note or None)
        return self._take_into_use(
            "rollback",
            lambda entries: self.load_promotion(find_rollback_target(entries)),
            note,
            self._collect_adopted(),
            {},
        )

    def _take_into_use(
        self,
        action: str,
        choose: Callable[[Sequence[Promotion]], Profile],
        note: str,
        adopted: Sequence[StoredPromotion],
        details: Mapping[str, str | None],
    ) -> Profile:
        """Record the profile that `choose` returns for the earlier promotions: in the database, then in the folder.

        `adopted` are earlier promotions for a database without promotions.
        """
        made: tuple[Profile, Promotion] | None = None

        def make(entries: Sequence[Promotion]) -> tuple[Profile, Promotion]:
            profile = choose(entries)
            return profile, self._promotion(action, profile.metadata, note)

        if self._table is not None:

            def store(entries: Sequence[StoredPromotion]) -> Sequence[StoredPromotion]:
                nonlocal made
                first = () if entries else adopted
                made = profile, promotion = make(entries or first)
                return [*first, _store(promotion, profile, details)]

            self._table.append(store)

        database = None if self._table is None else self._table.identify()

        def record(entries: Sequence[FolderPromotion]) -> FolderPromotion:
            nonlocal made
            made = made or make(entries)
            return FolderPromotion(**made[1].model_dump(), database=database)

        try:
            done = self._promotions.append(record)
        except (ModelError, OutputError) as error:
            if self._table is None or made is None:
                raise
            raise OutputError(
                f"{made[1].reference} is in use for {self._table.display()}, but the journal of the folder was not "
                f"updated. {error}",
                path=str(self.folder),
                errno=getattr(error, "errno", None),
            ) from error
        self._index_promotions(f"{done.reference} is {'promoted' if action == 'promote' else 'in use'}")
        assert made is not None, "`append` has called `record`"
        return made[0]

    def _collect_adopted(self) -> Sequence[StoredPromotion]:
        """Return the promotions of the folder that apply to a database without promotions of its own.

        The first promotion of the database stores them as well, so that a rollback finds them. Those before a profile
        that cannot be read any more are left out.
        """
        state = self._read_promotions()
        if self._table is None or state.in_use is None or isinstance(state.in_use, StoredPromotion):
            return ()
        adopted: tuple[StoredPromotion, ...] = ()
        for entry in reversed(find_active_promotions(state.entries)):
            try:
                profile = self.load_promotion(entry)
            except (ModelError, OutputError):
                break
            adopted = (_store(entry, profile, {}), *adopted)
        return adopted

    def load_promoted(self) -> Profile | None:
        """Return the version in use, or None.

        Raises
        ------
        ModelError: If its model differs from the promoted one.
        """
        in_use = self.find_promotion()
        return None if in_use is None else self.load_promotion(in_use)

    def find_promotion(self) -> Promotion | None:
        """Return the promotion or rollback of the version in use. None if no version is in use."""
        return self._read_promotions().in_use

    def load_promotion(self, promotion: Promotion) -> Profile:
        """Return the profile of a promotion.

        Raises
        ------
        ModelError: If its model differs from the promoted one.
        DatabaseError: If the database contains another profile than it names.
        """
        if isinstance(promotion, StoredPromotion):  # the database contains the model: the folder is not needed
            return self._parse_stored(promotion)
        profile = self._reader.load(promotion.name, promotion.version)
        profile.require_as_saved()
        if profile.digest != promotion.digest:
            raise ModelError(
                f"The file of profile {promotion.reference} was replaced after its promotion and contains a different "
                "model. Restore the file, or promote the profile again.",
                key=("digest",),
            )
        return profile

    def _parse_stored(self, promotion: StoredPromotion) -> Profile:
        source = f"{promotion.reference} in the table promoted"
        try:
            metadata = parse_metadata(promotion.model, source=source)
        except ModelError as error:
            raise DatabaseError(f"{error} Restore the row, or delete it.", reason="invalid row") from error
        if (metadata.reference, metadata.digest) != (promotion.reference, promotion.digest):
            raise DatabaseError(
                f"{source}: the name or digest of the row differs from its model. Restore the row, or delete it.",
                reason="invalid row",
            )
        profile = self._reader.parse(promotion.model, source)
        if not profile.is_as_saved:
            raise ModelError(
                f"{source} is not the model that was promoted: the code of a component changed, or the row was edited. "
                "Save the model as a new version, and promote it.",
                key=("promoted",),
            )
        return profile

    def list_decisions(self) -> Sequence[Promotion]:
        """Return all promotions and rollbacks, oldest first. Those of a database contain names and evidence."""
        return self._read_promotions().entries

    def find_ignored_promotion(self) -> Promotion | None:
        """Return the promotion of the folder that does not apply to the database.

        A promotion that is recorded only in the folder applies if the published run was ranked by its model.
        """
        return self._read_promotions().ignored

    def list_promotions(self) -> pd.DataFrame:
        """Return all promotions and rollbacks, oldest first.

        Columns: at · action · name · version · digest · note · database (missing: not recorded) · in_use.
        """
        promotions = make_history_frame(self._read_promotions())
        return promotions if self._table is None else promotions.assign(database=self._table.identify())

    def _read_promotions(self) -> PromotionState:
        """Return the promotions of the database, or those of the folder if the database has none."""
        stored = [] if self._table is None else self._table.read()
        if stored:
            return PromotionState(stored, stored[-1])
        entries = self._read_journal()
        last = entries[-1] if entries else None
        if last is None or self._table is None or last.digest == self._table.read_current_digest():
            return PromotionState(entries, last)
        return PromotionState(entries, None, last)

    def _read_journal(self, database: PromotedTable | None = None) -> Sequence[FolderPromotion]:
        """Return the promotions of the folder, without those that another database is recorded for.

        `database` None is the database of the registry.
        """
        entries, table = self._promotions.read(), database or self._table
        if table is None or all(entry.database is None for entry in entries):
            return entries
        name = table.identify()
        return [entry for entry in entries if entry.database in (None, name)]

    # Evaluations on test users

    def log_scoreboard(
        self,
        board: Scoreboard,
        *,
        split: str = "test",
        broken_floors: Sequence[str] = (),
        limits: Sequence[DeclaredLimit] = (),
        slices: pd.DataFrame | None = None,
        derived_from: ScoringModel | None = None,
    ) -> int:
        """Log an evaluation of models on test users as one look. Return the number of looks at these users.

        Goals are those that the scoreboard declares. Lists of other systems are not logged, except as the baseline.

        Parameters
        ----------
        split: "test", or "all" if the users include those of other splits.
        broken_floors: Floors that the last model does not keep.
        limits: Limits of the measures of the candidate that were declared before the evaluation.
        slices: The frame of `Scoreboard.slices` for the last model; None: that of the usual slices.
        derived_from: The model that a search started with. Every model then counts as fitted to its users.
        """
        find_users = self._make_finder(derived_from)
        key = self._keys.require()
        return self._log_look(describe_scoreboard(board, split, broken_floors, find_users, key, limits, slices))

    def log_backtest(self, backtest: Backtest, models: Mapping[str, ScoringModel], *, split: str = "test") -> int:
        """Log an evaluation at several cuts as one look. Return the number of looks at these users.

        `split` is "test", or "all" if the users include those of other splits.
        """
        return self._log_look(describe_backtest(backtest, models, split, self._make_finder(None), self._keys.require()))

    def describe_evaluation(
        self, board: Scoreboard, *, split: str, n_looks: int | None, slices: pd.DataFrame | None = None
    ) -> SavedEvaluation | None:
        """Return the comparison of the candidate, or of the last model, with the baseline, for a report.

        None: the baseline or all other sides are lists of other systems. Nothing is logged.

        Parameters
        ----------
        split: The evaluated users: train, validation, test or all.
        n_looks: Number of looks at these users. None: they are not test users.
        slices: The frame of `Scoreboard.slices` for this model; None: that of the usual slices.
        """
        models = {name: one.model for name, one in board.evaluations.items() if not one.is_external}
        others = [name for name in models if name != board.baseline]
        name = board.candidate if board.candidate in models else (others[-1] if others else None)
        if name is None or board.baseline not in models:
            return None
        records = dict(zip(models, describe_scoreboard(board, split, (), self._make_finder(None), b""), strict=True))
        return SavedEvaluation.of_records(
            [records[board.baseline], records[name]],
            (board.baseline, name),
            (models[board.baseline], models[name]),
            at=to_utc(self._clock()),
            n_looks=n_looks,
            level=board.level,
            notes=board.notes,
            slices=board.slices(name) if slices is None else slices,
        )

    def describe_backtest(
        self, backtest: Backtest, models: Mapping[str, ScoringModel], *, split: str, n_looks: int | None
    ) -> SavedEvaluation | None:
        """Return the comparison of the candidate, or of the last model, over all cuts. See `describe_evaluation`.

        None: there is only one model.
        """
        name = backtest.candidate or list(models)[-1]
        if name == backtest.baseline:
            return None
        records = dict(
            zip(models, describe_backtest(backtest, models, split, self._make_finder(None), b""), strict=True)
        )
        return SavedEvaluation.of_records(
            [records[backtest.baseline], records[name]],
            (backtest.baseline, name),
            (models[backtest.baseline], models[name]),
            at=to_utc(self._clock()),
            n_looks=n_looks,
            level=backtest.level,
            notes=backtest.notes,
            slices=None,
        )

    def _make_finder(self, derived_from: ScoringModel | None) -> FindUsers:
        inherited = FittedUsers() if derived_from is None else self.find_fitted_users(derived_from)
        return lambda model: self.find_fitted_users(model).add(inherited).user_id

    def _log_look(self, records: Sequence[Mapping[str, Any]]) -> int:
        """Append the records of one look, and return the number of looks at these users; 0 without records.

        Each holdout has its own numbers.
        """
        if not records:
            return 0
        at = to_utc(self._clock())

        def entries(accesses: Sequence[TestAccess]) -> Sequence[TestAccess]:
            looks = {access.holdout: access.look for access in sorted(accesses, key=lambda access: access.look)}
            return [
                validate_section(TestAccess, {**record, "at": at, "look": looks.get(record["holdout"], 0) + 1}, _LOOK)
                for record in records
            ]

        added = self._test_accesses.extend(entries)
        last = added[-1]
        return count_looks(self._test_accesses.read(), last.holdout, last.sketch, last.sketch_key)

    def log_test_access(
        self,
        of: Profile | ScoringModel | str,
        holdout: str,
        metrics: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> int:
        """Log an evaluation of one model on a test split. Return its number on this split; the first is 1.

        `log_scoreboard` logs all models of a scoreboard as one look, with what a promotion needs as evidence.

        Parameters
        ----------
        of: The profile, the model, or the digest of the model.
        holdout: Digest of the test split.
        metrics: Name → number, `Metric`, or mapping of value, low, high and n.
        at: Time of the evaluation. None is now.
        """
        if not isinstance(of, str | Profile | ScoringModel):
            raise ConfigurationError(
                f"of is of type {type(of).__name__}. Use a profile, a model or the digest of a model.", key=("of",)
            )
        profile = of.metadata.reference if isinstance(of, Profile) else None
        known = {
            "at": to_utc(at or self._clock()),
            "holdout": holdout,
            "profile": profile,
            "digest": of if isinstance(of, str) else of.model.digest if isinstance(of, Profile) else of.digest,
            "metrics": parse_metrics({"test": metrics or {}})["test"],
        }

        def entry(accesses: Sequence[TestAccess]) -> TestAccess:
            look = max((access.look for access in accesses if access.holdout == holdout), default=0) + 1
            return validate_section(TestAccess, known | {"look": look}, _LOOK)

        return self._test_accesses.append(entry).look

    def count_test_accesses(self, holdout: str) -> int:
        """Return the number of looks at this test split."""
        return count_looks(self._test_accesses.read(), holdout)

    def list_test_accesses(self) -> pd.DataFrame:
        """Return a frame with one row per evaluation on a test split, oldest first.

        Columns: at · look (its number on this split) · holdout · profile · digest · one column per metric.
        """
        return make_access_frame(self._test_accesses.read())

    # The index

    def reindex(self, database: Any = None) -> int:
        """Rebuild the index from the files, and return the number of versions.

        `database` None is the database of the registry.

        Raises
        ------
        ConfigurationError: If neither the argument nor the registry has a database.
        ModelError: If a file is invalid. The index is then unchanged.
        """
        index = self._index if database is None else ProfileIndex(database)
        if index is None:
            raise ConfigurationError(
                "reindex needs a database. Use reindex(database) or Registry(folder, database=database).",
                key=("database",),
            )
        table = None if database is None else PromotedTable(database)
        return index.rebuild(
            lambda: [self._reader.metadata(*place) for place in self._reader.places()],
            lambda: self._read_journal(table),
        )

    # Internal

    def _load(self, name: str, version: int | None) -> Profile:
        if name != PROMOTED:
            return self._reader.load(name, version)
        state = self._read_promotions()
        if state.ignored is not None:
            raise ConfigurationError(
                f"No profile is promoted for this database. {state.ignored} in {self.folder}, but the published run "
                f"has another model. To promote it: scoring profiles promote {state.ignored.reference} --note TEXT",
                key=(PROMOTED, state.ignored.reference),
            )
        if state.in_use is None:
            raise ConfigurationError(
                "No profile is promoted. Promote one with `scoring profiles promote NAME --note TEXT`.",
                key=(PROMOTED,),
            )
        return self.load_promotion(state.in_use)

    def _promotion(self, action: str, metadata: ProfileMetadata, note: str) -> Promotion:
        known = {"at": to_utc(self._clock()).replace(microsecond=0), "action": action, "note": note}
        of = {"name": metadata.name, "version": metadata.version, "digest": metadata.digest}
        return validate_section(Promotion, known | of, f"profile {metadata.reference}")

    def _index_promotions(self, done: str) -> None:
        self._indexed(done, lambda index: index.set_promotions(self._read_journal))

    def _indexed(self, done: str, work: Callable[[ProfileIndex], None]) -> None:
        if self._index is None:
            return
        try:
            work(self._index)
        except DatabaseError as error:
            raise DatabaseError(
                f"{done}, but the index of profiles in the database was not updated. {error} Afterwards, run "
                "`scoring profiles reindex`.",
                reason=error.reason,
            ) from error


def _store(promotion: Promotion, profile: Profile, details: Mapping[str, str | None]) -> StoredPromotion:
    text = dump_profile(profile.metadata, profile.model)
    return StoredPromotion(**promotion.model_dump(include=set(Promotion.model_fields)), **details, model=text)


def _make_tuning_data(data: Dataset | TuningData | None) -> TuningData | None:
    return TuningData(fingerprint=data.fingerprint, as_of=data.as_of) if isinstance(data, Dataset) else data


def _check_texts(**texts: str | None) -> None:
    """Raise ConfigurationError if a text is blank or too long. None is allowed."""
    for name, text in texts.items():
        if text is not None and not text.strip():
            raise ConfigurationError(f"{name} is blank. Give a text.", key=(name,))
        if text is not None and len(text) > MAX_TEXT:
            raise ConfigurationError(
                f"{name} has {len(text):,} characters. Use at most {MAX_TEXT:,}.", key=(name, "length")
            )


def _end_sentence(text: str) -> str:
    stripped = text.rstrip()
    return stripped if stripped.endswith((".", "!", "?", "。")) else f"{stripped}."
