"""A shared read is never older than the question, and is asked as seldom as that allows."""

from __future__ import annotations

import asyncio

import pytest

from raytui.platforms.cai.applications.listing import Shared


class Source:
    """Counts fetches; each takes its number when it begins and answers when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.first = asyncio.Event()
        self.gate = asyncio.Event()

    async def fetch(self) -> int:
        self.begun += 1
        self.first.set()
        number = self.begun
        await self.gate.wait()
        return number


async def test_askers_during_a_fetch_share_the_next_one() -> None:
    source = Source()
    shared = Shared(source.fetch)
    first = asyncio.create_task(shared.fresh())
    await source.first.wait()
    others = [asyncio.create_task(shared.fresh()) for _ in range(9)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await first == 1
    assert await asyncio.gather(*others) == [2] * 9
    assert source.begun == 2


async def test_a_later_question_is_a_new_fetch() -> None:
    source = Source()
    source.gate.set()
    shared = Shared(source.fetch)
    assert [await shared.fresh(), await shared.fresh(), await shared.fresh()] == [1, 2, 3]


async def test_cancelling_one_asker_leaves_the_answer_to_the_others() -> None:
    source = Source()
    shared = Shared(source.fetch)
    first = asyncio.create_task(shared.fresh())
    await source.first.wait()
    second, third = asyncio.create_task(shared.fresh()), asyncio.create_task(shared.fresh())
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    await asyncio.sleep(0)
    source.gate.set()
    assert await third == 2


async def test_an_error_reaches_every_asker_and_the_next_question_is_asked_again() -> None:
    answers: list[Exception | int] = [OSError("down"), 2]

    async def fetch() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    shared = Shared(fetch)
    with pytest.raises(OSError, match="down"):
        await shared.fresh()
    assert await shared.fresh() == 2


async def test_close_ends_a_fetch_that_hangs() -> None:
    source = Source()
    shared = Shared(source.fetch)
    asking = asyncio.create_task(shared.fresh())
    await source.first.wait()
    await shared.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
