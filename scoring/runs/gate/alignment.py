"""Read two runs together, one range of users at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from scoring.array_types import Longs
from scoring.runs.publishers import ListBlock

__all__ = ["align_blocks"]


def align_blocks(
    before: Iterable[ListBlock], after: Iterable[tuple[ListBlock, Longs]]
) -> Iterator[tuple[ListBlock, ListBlock, Longs]]:
    """Yield (before, after, ranked) for ascending ranges of ids that contain every user of both runs once.

    `after` yields blocks with the ids (n,) of the ranked users; each block makes a range. The blocks of `before` may
    have any bounds. Memory holds one block of each.
    """
    pieces = iter(before)
    waiting: list[ListBlock] = []
    for lists, ranked in after:
        if not len(ranked):
            continue
        end = int(ranked[-1])
        while not waiting or waiting[-1].user_id[-1] <= end:
            piece = next(pieces, None)
            if piece is None:
                break
            if len(piece.user_id):
                waiting.append(piece)
        here, waiting = _upto(waiting, end)
        yield here, lists, ranked
    none = ListBlock.joined([])
    for piece in chain(waiting, pieces):
        yield piece, none, none.user_id


def _upto(waiting: list[ListBlock], end: int) -> tuple[ListBlock, list[ListBlock]]:
    """Return the lists of users up to `end`, and the remaining blocks."""
    halves = [piece.split(end) for piece in waiting]
    left = [later for _, later in halves if len(later.user_id)]
    return ListBlock.joined([now for now, _ in halves if len(now.user_id)]), left
