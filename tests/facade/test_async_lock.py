"""A lock for threads and for tasks of several event loops."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from scoring.facade.async_lock import AsyncLock

THREADS, TIMES = 8, 25


def test_one_holder_at_a_time_and_all_get_the_lock() -> None:
    """Some tasks are cancelled while they wait or just after they acquire the lock."""
    lock, inside, done, given_up = AsyncLock(), 0, [0] * THREADS, [0] * THREADS

    def work(number: int) -> None:
        """Run with the lock held; fail if two holders run at once."""
        nonlocal inside
        inside += 1
        time.sleep(random.Random(done[number]).random() / 2000)
        assert inside == 1
        inside -= 1
        done[number] += 1

    async def task(number: int) -> None:
        async with lock.for_task():
            await asyncio.sleep(0)
            work(number)

    async def tasks(number: int) -> None:
        order = random.Random(number)
        for _ in range(TIMES // 5):
            some = [asyncio.create_task(task(number)) for _ in range(5)]
            for each in some:
                if order.random() < 0.3:
                    await asyncio.sleep(order.random() / 500)
                    each.cancel()
            ended = await asyncio.gather(*some, return_exceptions=True)
            given_up[number] += sum(isinstance(end, asyncio.CancelledError) for end in ended)
            assert not any(isinstance(end, Exception) for end in ended)

    def start(number: int) -> None:
        if number % 2:
            return asyncio.run(tasks(number))
        for _ in range(TIMES):
            with lock.for_thread():
                work(number)
        return None

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(start, range(THREADS)))  # re-raises an error of a thread
    assert all(a + b >= TIMES for a, b in zip(done, given_up, strict=True))
    assert sum(given_up) > 0
    with lock.for_thread():  # the lock is free again
        pass


async def test_waiting_does_not_block_the_event_loop() -> None:
    lock, begun, end = AsyncLock(), threading.Event(), threading.Event()

    def holder() -> None:
        with lock.for_thread():
            begun.set()
            end.wait(60)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(holder)
        await asyncio.to_thread(begun.wait, 60)

        async def wait() -> bool:
            async with lock.for_task():
                return end.is_set()

        waiting = [asyncio.create_task(wait()) for _ in range(3)]
        for _ in range(100):
            await asyncio.sleep(0)  # the event loop runs
        assert not any(task.done() for task in waiting)
        waiting[0].cancel()
        end.set()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError)
        assert ended[1:] == [True, True]
        held.result()


async def test_a_thread_with_an_event_loop_does_not_wait() -> None:
    lock = AsyncLock()
    came = threading.Event()

    def other() -> None:
        with lock.for_thread():
            came.set()

    with ThreadPoolExecutor(1) as pool:
        async with lock.for_task():
            with lock.for_thread():  # waiting would not end: this task holds the lock
                pass
            waiting = pool.submit(other)
            await asyncio.sleep(0.02)
            assert not came.is_set()  # the lock is still held
        await asyncio.to_thread(waiting.result)
    assert came.is_set()
