"""Two "machines" on one: a network namespace that is connected by a pair of virtual Ethernet devices."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

__all__ = ["Namespace", "open_namespace"]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass(frozen=True)
class Namespace:
    """The namespace `name`. Its machine has the address `inner`; this one is reached as `outer`."""

    name: str
    device: str
    outer: str
    inner: str

    @property
    def prefix(self) -> list[str]:
        """Words before a command that runs it there."""
        return ["ip", "netns", "exec", self.name]

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Drop all packets in both directions in the block, without a word to either side."""
        _ip("link", "set", self.device, "down")
        try:
            yield
        finally:
            _ip("link", "set", self.device, "up")

    def cut_for(self, seconds: float) -> None:
        with self.cut():
            time.sleep(seconds)


@contextmanager
def open_namespace() -> Iterator[Namespace]:
    """Yield a namespace. The test is skipped where it cannot be created, with the reason."""
    number = os.getpid() % 200
    name = f"scoring{os.getpid()}"
    made = Namespace(name, f"sc{os.getpid()}", f"10.213.{number}.1", f"10.213.{number}.2")
    inside = f"sd{os.getpid()}"
    try:
        _ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", "") or error
        pytest.skip(f"network namespaces cannot be created here: {detail}".strip())
    try:
        try:
            _ip("link", "add", made.device, "type", "veth", "peer", "name", inside)
            _ip("link", "set", inside, "netns", name)
            _ip("addr", "add", f"{made.outer}/30", "dev", made.device)
            _ip("link", "set", made.device, "up")
            for words in (("addr", "add", f"{made.inner}/30", "dev", inside), ("link", "set", inside, "up")):
                _ip("-n", name, *words)
            _ip("-n", name, "link", "set", "lo", "up")
        except (OSError, subprocess.CalledProcessError) as error:
            detail = getattr(error, "stderr", "") or error
            pytest.skip(f"virtual Ethernet devices cannot be created here: {detail}".strip())
        yield made
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", made.device], check=False, capture_output=True)
