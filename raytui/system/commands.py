"""A command of the operator's own, run beside everything else: with a deadline, its output discarded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine, Mapping, Sequence

RUN_S = 10.0
"""How long a command may take."""
END_S = 2.0
"""How long one that was killed is waited for: the system may keep it while a disk hangs."""


async def run_command(
    argv: Sequence[str], variables: Mapping[str, str], document: bytes, timeout: float = RUN_S
) -> str:
    """Run a program with these variables beside our own and a document on its standard input; no shell is involved.

    Answers in one sentence why it failed, empty when it did not. It is ended, with what it started, when its time is up
    or when the caller is cancelled.
    """
    name = argv[0]
    beginning = asyncio.ensure_future(_begin(argv, variables))
    process: asyncio.subprocess.Process | None = None
    try:
        async with asyncio.timeout(timeout):
            process = await asyncio.shield(beginning)
            # One that reads nothing, or has ended, closes its end.
            await process.communicate(document)
    except TimeoutError:
        return f"the command {name} did not end within {timeout:g} s and was ended"
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else ""
        return f"the command {name} cannot be run: {why or error}"
    finally:
        await asyncio.shield(_end(beginning))
    code = process.returncode
    if code:
        return f"the command {name} " + (f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}")
    return ""


def _begin(argv: Sequence[str], variables: Mapping[str, str]) -> Coroutine[None, None, asyncio.subprocess.Process]:
    return asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **variables},
        start_new_session=True,
    )


async def _end(beginning: asyncio.Future[asyncio.subprocess.Process]) -> None:
    """End what was begun, whatever it started; it may have begun before we were told that it has."""
    with contextlib.suppress(OSError, ValueError, TimeoutError):
        process = await beginning
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            async with asyncio.timeout(END_S):
                await process.wait()
