"""Read two runs together, one range of users at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from scoring.array_types import Longs
from scoring.runs.publishers import ListBlock

__all__ = ["align_blocks"]


def align_blocks(
    published: Iterable[ListBlock], new: Iterable[tuple[ListBlock, Longs]]
) -> Iterator[tuple[ListBlock, ListBlock, Longs]]:
    """Yield (published, new, ranked) for ascending ranges of ids that contain every user of both runs once.

    `new` yields blocks with the ids (n,) of the ranked users; each block makes a range. The blocks of `published` may
    have any bounds. Memory holds one block of each.
    """
    blocks = iter(published)
    waiting: list[ListBlock] = []
    for lists, ranked in new:
        if not len(ranked):
            continue
        end = int(ranked[-1])
        while not waiting or waiting[-1].user_id[-1] <= end:
            block = next(blocks, None)
            if block is None:
                break
            if len(block.user_id):
                waiting.append(block)
        aligned, waiting = _split_at(waiting, end)
        yield aligned, lists, ranked
    empty = ListBlock.concatenate([])
    for block in chain(waiting, blocks):
        yield block, empty, empty.user_id


def _split_at(waiting: list[ListBlock], end: int) -> tuple[ListBlock, list[ListBlock]]:
    """Return the lists of users up to `end`, and the remaining blocks."""
    halves = [block.split(end) for block in waiting]
    remaining = [second for _, second in halves if len(second.user_id)]
    return ListBlock.concatenate([first for first, _ in halves if len(first.user_id)]), remaining
