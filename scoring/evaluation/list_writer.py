"""Write lists and relevance as files for trec_eval, ir-measures and ranx.

Users and jobs have their external ids, as far as the data contain them. An external id with white space is replaced by
the number.

trec_eval ignores ranks: it orders jobs by score as float32, and equal scores by id. Written scores are therefore
strictly descending: a score that is not below the one before is replaced by the next smaller float32 number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Final

import numpy as np

from scoring.array_types import Longs, Singles
from scoring.bundle.ranked_lists import SCORES, Ranking
from scoring.dataset.row_lookup import NO_EXTERNAL_IDS
from scoring.errors import ConfigurationError
from scoring.evaluation.relevance_judgements import Relevance
from scoring.ranking.list_overlap import mask_listed
from scoring.storage.atomic_file import replace_file
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import wrap_os_errors

__all__ = ["write_lists", "write_ranx_qrels", "write_ranx_run", "write_trec_qrels", "write_trec_run"]

_MAX_GAIN: Final = 1_000_000
"""Largest integer gain that is written."""


def write_lists(folder: str | Path, rankings: Mapping[str, Ranking], relevance: Relevance) -> list[Path]:
    """Write the lists of each system as NAME.run (TREC) and NAME.json (ranx), and the relevance as qrels.txt and
    qrels.json. Return the paths.

    All files have the ids that the relevance has: external ids, if it was made with the data.

    Raises
    ------
    ConfigurationError: If gains cannot be written as integers.
    OutputError: If a file cannot be written.

    Example
    -------
    >>> ranking = evaluator.evaluate("standard").ranking
    >>> [path.name for path in write_lists(folder / "lists", {"standard": ranking}, holdout.relevance)]
    ['qrels.txt', 'qrels.json', 'standard.run', 'standard.json']
    """
    folder = expand_path(folder, "folder")
    with wrap_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "qrels.txt", folder / "qrels.json"]
    write_trec_qrels(paths[0], relevance)
    write_ranx_qrels(paths[1], relevance)
    used = {"qrels"}
    for name, ranking in rankings.items():
        stem = _find_free_name(_make_word(Path(name).name), used)
        paths += [folder / f"{stem}.run", folder / f"{stem}.json"]
        ranking = replace(ranking, external_ids=relevance.external_ids)
        write_trec_run(paths[-2], ranking, tag=stem)
        write_ranx_run(paths[-1], ranking)
    return paths


def write_trec_run(path: str | Path, ranking: Ranking, tag: str = "scoring") -> None:
    """Write lists as a TREC run: a line `user Q0 job rank score tag` per entry.

    A user with an empty list has no line: `trec_eval -c` and ir-measures count this user as 0.

    Raises
    ------
    OutputError: If the file cannot be written.
    """
    word = _make_word(tag)
    lines = (f"{user} Q0 {job} {rank} {score} {word}\n" for user, job, rank, score in _iterate_entries(ranking))
    _write(path, "".join(lines))


def write_trec_qrels(path: str | Path, relevance: Relevance) -> None:
    """Write relevant jobs as TREC qrels: a line `user 0 job gain` per pair.

    Gains are integers in this format. Fractions are multiplied by a common factor, which changes no metric.

    Raises
    ------
    ConfigurationError: If the gains have no common factor that makes them integers of at most 1,000,000.
    OutputError: If the file cannot be written.
    """
    rows = _iterate_pairs(relevance)
    _write(path, "".join(f"{user} 0 {job} {gain}\n" for user, job, gain in rows))


def write_ranx_run(path: str | Path, ranking: Ranking) -> None:
    """Write lists as a ranx run in JSON: {user: {job: score}}. A user with an empty list is omitted.

    Raises
    ------
    OutputError: If the file cannot be written.
    """
    content: dict[str, dict[str, float]] = {}
    for user, job, _, score in _iterate_entries(ranking):
        content.setdefault(user, {})[job] = float(score)
    _write(path, json.dumps(content))


def write_ranx_qrels(path: str | Path, relevance: Relevance) -> None:
    """Write relevant jobs as ranx qrels in JSON: {user: {job: gain}}, with the gains of `write_trec_qrels`.

    Raises
    ------
    ConfigurationError, OutputError: As `write_trec_qrels`.
    """
    content: dict[str, dict[str, int]] = {}
    for user, job, gain in _iterate_pairs(relevance):
        content.setdefault(user, {})[job] = gain
    _write(path, json.dumps(content))


def _iterate_pairs(relevance: Relevance) -> Iterator[tuple[str, str, int]]:
    """Return user, job and integer gain of each relevant pair."""
    external_ids = relevance.external_ids
    users, jobs = external_ids.make_user_words(relevance.user_id), external_ids.make_job_words(relevance.job_id)
    return zip(users, jobs, _scale_to_integers(relevance), strict=True)


def _iterate_entries(ranking: Ranking) -> Iterator[tuple[str, str, int, str]]:
    """Yield user, job, rank and score of each entry."""
    scores = _separate_ties(ranking.scores[:, :, SCORES.index("total_score")])
    external_ids = ranking.external_ids or NO_EXTERNAL_IDS
    users = external_ids.make_user_words(ranking.user_id)
    jobs = iter(external_ids.make_job_words(ranking.job_id[mask_listed(ranking.job_id.shape[1], ranking.count)]))
    for row, (user, count) in enumerate(zip(users, ranking.count.tolist(), strict=True)):
        for place in range(count):
            yield user, next(jobs), place + 1, str(scores[row, place])


def _separate_ties(scores: Singles) -> Singles:
    """Return (n, k) scores, each below the one before it."""
    result = scores.astype(np.float32)
    for place in range(1, result.shape[1]):
        below = np.nextafter(result[:, place - 1], np.float32(-np.inf))
        result[:, place] = np.minimum(result[:, place], below)
    return result


def _scale_to_integers(relevance: Relevance) -> list[int]:
    distinct: Longs
    values, distinct = np.unique(relevance.gain, return_inverse=True)
    fractions = [Fraction(value).limit_denominator(_MAX_GAIN) for value in values.tolist()]
    factor = lcm(*(fraction.denominator for fraction in fractions)) if fractions else 1
    scaled = [fraction * factor for fraction in fractions]
    exact = np.allclose([float(fraction) for fraction in fractions], values, rtol=1e-12, atol=0)
    if not exact or max(scaled, default=0) > _MAX_GAIN:
        gains = ", ".join(f"{value:g}" for value in values[:5])
        raise ConfigurationError(
            f"The gains {gains} cannot be written as integers of at most {_MAX_GAIN:,} in the same proportions. Use "
            "gains such as 1 and 0.1.",
            key=("gains",),
        )
    return np.array([int(value) for value in scaled], dtype=np.int64)[distinct].tolist()


def _make_word(text: str) -> str:
    """Return the text without characters that a file name or a TREC tag cannot contain."""
    return re.sub(r"[^\w.@+-]+", "_", text).strip(".") or "lists"


def _find_free_name(name: str, used: set[str]) -> str:
    """Return the name, with a number if it is used, and add it to the used names."""
    free, number = name, 1
    while free.lower() in used:
        number += 1
        free = f"{name}_{number}"
    used.add(free.lower())
    return free


def _write(path: str | Path, text: str) -> None:
    with wrap_os_errors(path):
        replace_file(Path(path), text, sync_file=False, sync_name=False)
