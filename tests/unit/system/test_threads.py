"""A call that never returns holds up neither its caller nor the end of the program, and costs a bounded number of threads."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from raytui.core.errors import DeadlineExceeded
from raytui.system import threads as deadline

PROGRAM = """
import asyncio, threading
from raytui.core.errors import DeadlineExceeded
from raytui.platforms.local.disk import read_within, to_the_end
from raytui.platforms.cai.project.files import DirectFiles
async def main():
    for call in (read_within("the list", threading.Event().wait, 0.01), to_the_end(threading.Event().wait, timeout=0.01)):
        try:
            await call
        except DeadlineExceeded as error:
            print(error)
asyncio.run(main())
"""


def test_a_program_ends_though_its_reads_and_writes_hang() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.count("within 0.01 s") == 2


async def test_the_answer_and_the_error_of_a_call_reach_the_caller() -> None:
    assert await deadline.within("it", lambda: 3, 5.0, "") == 3
    with pytest.raises(ZeroDivisionError):
        await deadline.within("it", lambda: 1 // 0, 5.0, "")


async def test_calls_that_hang_are_bounded_and_forgotten_when_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    ended = threading.Semaphore(0)

    def hang() -> None:
        gate.wait()
        ended.release()

    monkeypatch.setattr(deadline, "MOST_HUNG", len(deadline._hung) + 2)
    for _ in range(2):
        with pytest.raises(DeadlineExceeded, match="did not answer within"):
            await deadline.within("the disk", hang, 0.01, "look at mount")
    with pytest.raises(DeadlineExceeded, match=r"was not asked: \d+ earlier calls still hang"):
        await deadline.within("the disk", hang, 0.01, "look at mount")
    gate.set()
    for _ in range(2):
        ended.acquire()
    while True:
        try:
            assert await deadline.within("the disk", lambda: "back", 5.0, "") == "back"
        except DeadlineExceeded:
            continue
        break
