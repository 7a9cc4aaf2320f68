"""Resolve the ids of a table: text ids to numbers, and the rejections of ids that are not valid."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from scoring.columns import FACTOR_TABLES, Column
from scoring.columns.series_functions import Mask, to_arrow_texts
from scoring.columns.text_id_hash import OWNERS, mask_reserved, number_texts
from scoring.columns.text_normalisation import fold_text, normalise_texts
from scoring.columns.types.id import TEXT_ID, ParsedIds, parse_ids
from scoring.errors import pluralize
from scoring.validation.referenced_ids import AMBIGUOUS, INTERNAL, RESERVED, UNKNOWN, OwnerIds, Owners
from scoring.validation.rejections import Rejections

__all__ = ["ResolvedIds", "parse_id_column", "resolve_ids"]

MAX_EXAMPLES: Final = 3


@dataclass(frozen=True)
class ResolvedIds:
    """The ids of a table with numbers for text ids.

    Attributes
    ----------
    columns: coerced columns to replace: ids, and the external ids of users or jobs.
    owner: the ids of all rows of users or jobs, also of rejected rows; None for other tables.
    notes: message about text ids → number of ids.
    """

    columns: Mapping[str, pd.Series]
    owner: OwnerIds | None = None
    notes: Mapping[str, int] = field(default_factory=dict)


def parse_id_column(column: Column, values: pd.Series, names: Collection[object]) -> ParsedIds:
    """Return the integers and text ids of an id column. `names`: names of the column in the source."""
    return parse_ids(values, {fold_text(str(name)) for name in (column.name, *column.aliases, *names)})


def resolve_ids(
    table: str,
    parsed: Mapping[str, ParsedIds],
    values: Mapping[str, pd.Series],
    external_ids: pd.Series | None,
    owners: Owners,
    rejections: Rejections,
) -> ResolvedIds:
    """Return the ids of the rows of a table.

    Parameters
    ----------
    parsed: id column → its integers and text ids, of the columns in `OWNERS`.
    values: id column → its values in the source, for messages.
    external_ids: the coerced external ids of users or jobs.
    owners: stored ids of the table itself, and the ids of the tables that it refers to.
    rejections: collects the rejections.
    """
    columns: dict[str, pd.Series] = {}
    owner: OwnerIds | None = None
    notes: dict[str, int] = {}
    for name, ids in parsed.items():
        stored = owners.get(OWNERS[name])
        if OWNERS[name] == table:
            assert external_ids is not None
            resolved, texts = _number_rows(name, ids, values[name], external_ids, stored, rejections)
            owner = OwnerIds(resolved, texts)
            columns |= {name: resolved, "external_id": texts}
            notes = _describe_text_ids(name, ids, external_ids)
        else:
            columns[name] = _find_rows(table, name, ids, values[name], stored, rejections)
    return ResolvedIds(columns, owner, notes)


def _number_rows(
    name: str,
    ids: ParsedIds,
    values: pd.Series,
    external_ids: pd.Series,
    stored: OwnerIds | None,
    rejections: Rejections,
) -> tuple[pd.Series, pd.Series]:
    """Return the numbers and external ids of users or jobs. Integers in the range of text ids need an external id."""
    numbers, is_text = ids.result.values, ids.is_text
    own = OwnerIds(numbers, external_ids)
    integers = numbers.fillna(0).to_numpy(dtype=np.int64)
    reserved = mask_reserved(integers) & external_ids.isna().to_numpy()
    if stored is not None and reserved.any():
        reserved &= ~np.isin(integers, list(stored.reserved))
    rejections.add(reserved, name, values, RESERVED)
    if stored is not None:
        rejections.add(stored.mask_internal(numbers, external_ids), name, values, INTERNAL)
    if not is_text.any():
        return numbers, external_ids
    numbers = numbers.where(~is_text, (stored or _NONE).number(ids.texts, own))
    return numbers, external_ids.where(~is_text, ids.texts)


def _find_rows(
    table: str, name: str, ids: ParsedIds, values: pd.Series, owner: OwnerIds | None, rejections: Rejections
) -> pd.Series:
    """Return the numbers of the users or jobs to which rows refer."""
    numbers, is_text = ids.result.values, ids.is_text
    if owner is None:
        rejections.add(is_text, name, values, TEXT_ID)
        return numbers
    rejections.add(owner.mask_internal(numbers), name, values, INTERNAL)
    if not is_text.any():
        return numbers
    found = owner.find(ids.texts)
    unknown = is_text & found.isna().to_numpy(dtype=bool)
    if table in FACTOR_TABLES:  # rows of unknown ids are counted, not rejected: any unused number will do
        unused = number_texts(ids.texts[unknown], owner.reserved)
        found = found.where(~unknown, ids.texts.map(unused).astype("Int64"))
    elif unknown.any():
        ambiguous = unknown & ids.texts.isin(owner.ambiguous).to_numpy(dtype=bool)
        rejections.add(ambiguous, name, values, AMBIGUOUS)
        rejections.add(unknown & ~ambiguous, name, values, UNKNOWN + OWNERS[name])
    return numbers.where(~is_text, found)


def _describe_text_ids(name: str, ids: ParsedIds, external_ids: pd.Series) -> dict[str, int]:
    is_text = ids.is_text
    if not is_text.any():
        return {}
    texts, integers = ids.texts[is_text], ids.result.values.dropna()
    notes: dict[str, int] = {}
    if 0 < len(texts) <= len(integers):
        ids_word = "text id" if len(texts) == 1 else "text ids"
        others = pluralize(len(integers), "integer")
        notes[f"{name}: {ids_word} among {others}: {_list_examples(texts)}"] = len(texts)
    elif len(texts) and len(integers):
        ids_word = "integer" if len(integers) == 1 else "integers"
        others = pluralize(len(texts), "text id")
        notes[f"{name}: {ids_word} among {others}: {_list_examples(integers)}"] = len(integers)
    if (scientific := ids.is_scientific).any():
        examples = _list_examples(ids.texts[scientific])
        notes[f"{name}: text id in scientific notation, which may have lost digits: {examples}"] = scientific.sum()
    replaced = is_text & _find_different(external_ids, ids.texts)
    if replaced.any():
        examples = _list_examples(external_ids[replaced])
        notes[f"external_id: the text id in {name} replaced another text: {examples}"] = replaced.sum()
    return {note: int(count) for note, count in notes.items()}


def _find_different(external_ids: pd.Series, texts: pd.Series) -> Mask:
    given = normalise_texts(to_arrow_texts(external_ids)).to_pandas()
    return given.notna().to_numpy() & (given.to_numpy() != texts.to_numpy())


def _list_examples(values: pd.Series) -> str:
    shown = [repr(str(value)) for value in values.iloc[:MAX_EXAMPLES]]
    return ", ".join([*shown, *(["…"] if len(values) > MAX_EXAMPLES else [])])


_NONE: Final = OwnerIds(pd.Series(dtype="Int64"), pd.Series(dtype="str"))
