"""Turns among threads and tasks of several event loops."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from scoring.facade.turn import Turn

THREADS, TURNS = 8, 25


def test_one_at_a_time_and_everybody_in_the_end() -> None:
    """Also where some give up while they wait, or just as their turn comes."""
    turn, inside, done, given_up = Turn(), 0, [0] * THREADS, [0] * THREADS

    def work(number: int) -> None:
        """Only inside a turn: what is wrong here is two at once."""
        nonlocal inside
        inside += 1
        time.sleep(random.Random(done[number]).random() / 2000)
        assert inside == 1
        inside -= 1
        done[number] += 1

    async def task(number: int) -> None:
        async with turn.of_task():
            await asyncio.sleep(0)
            work(number)

    async def tasks(number: int) -> None:
        order = random.Random(number)
        for _ in range(TURNS // 5):
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
        for _ in range(TURNS):
            with turn.of_thread():
                work(number)
        return None

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(start, range(THREADS)))  # raises what a thread raised
    assert all(a + b >= TURNS for a, b in zip(done, given_up, strict=True))
    assert sum(given_up) > 0
    with turn.of_thread():  # nobody kept it
        pass


async def test_waiting_holds_up_no_event_loop() -> None:
    turn, begun, end = Turn(), threading.Event(), threading.Event()

    def holder() -> None:
        with turn.of_thread():
            begun.set()
            end.wait(60)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(holder)
        await asyncio.to_thread(begun.wait, 60)

        async def wait() -> bool:
            async with turn.of_task():
                return end.is_set()

        waiting = [asyncio.create_task(wait()) for _ in range(3)]
        for _ in range(100):
            await asyncio.sleep(0)  # the loop goes on
        assert not any(task.done() for task in waiting)
        waiting[0].cancel()
        end.set()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError)
        assert ended[1:] == [True, True]
        held.result()


async def test_a_thread_that_runs_a_loop_does_not_wait_for_a_task_of_its() -> None:
    turn = Turn()
    came = threading.Event()

    def other() -> None:
        with turn.of_thread():
            came.set()

    with ThreadPoolExecutor(1) as pool:
        async with turn.of_task():
            with turn.of_thread():  # would never come: the task that has the turn is this one
                pass
            waiting = pool.submit(other)
            await asyncio.sleep(0.02)
            assert not came.is_set()  # who did not have the turn passed nothing on
        await asyncio.to_thread(waiting.result)
    assert came.is_set()
