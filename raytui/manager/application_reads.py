"""What a watch reads beside the list of applications.

What was last asked for, and, while there are no applications, who else has their names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from raytui.core.desired.validate import MAX_WORKERS
from raytui.core.errors import Failure, RaytuiError, Unreachable
from raytui.core.observed.snapshot import Application, Reading
from raytui.core.protocols.platform import Platform
from raytui.core.spec import ClusterSpec, head_name, worker_name

READ_EVERY_S = 10.0
"""How often a record is read again for the same applications: from outside a project a reading is a download."""
READ_TIMEOUT_S = 10.0


class Beside:
    """What a watch wants to know beside the list.

    What was read is kept for `READ_EVERY_S` while the applications stay the same.
    """

    def __init__(
        self, platform: Platform, cluster: str, workers: Mapping[str, int], clock: Callable[[], float]
    ) -> None:
        """`workers` is how many the settings ask for of each group: their names must be free for a start."""
        self._platform = platform
        self._cluster = cluster
        self._names = (
            head_name(cluster),
            *(
                worker_name(cluster, n + 1, group)
                for group, count in workers.items()
                for n in range(min(count, MAX_WORKERS))
            ),
        )
        self._clock = clock
        self._known: frozenset[str] | None = None
        self._until = 0.0
        self._asked: Reading[ClusterSpec] = Reading()
        self._foreign: tuple[str, ...] = ()

    async def read(self, applications: tuple[Application, ...] | None) -> tuple[Reading[ClusterSpec], tuple[str, ...]]:
        """What was last asked for, and who else has our names; never raises for a platform that does not answer."""
        if applications is None:
            return Reading(), ()
        known, now = frozenset(app.id for app in applications), asyncio.get_running_loop().time()
        if known != self._known or now >= self._until:
            self._asked, self._foreign = (
                (await self._latest(), ()) if applications else (Reading(), await self._others())
            )
            self._known, self._until = known, now + READ_EVERY_S
        return self._asked, self._foreign

    async def _latest(self) -> Reading[ClusterSpec]:
        """The record as it stands; where it cannot be read now, as it stood when it last could, with that time."""
        read = await self._record()
        return self._asked if read.failure is not None and self._asked.value is not None else read

    async def _record(self) -> Reading[ClusterSpec]:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return Reading(await self._platform.store.recorded_spec(self._cluster), at=self._clock())
        except TimeoutError:
            failure = Failure(
                "platform",
                "NoAnswer",
                f"what was last asked for could not be read within {READ_TIMEOUT_S:g} s",
                "try again",
            )
        except Unreachable as error:
            failure = error.failure
        except RaytuiError as error:
            failure = Failure("platform", error.reason, error.message, error.hint)
        return Reading(failure=failure, at=self._clock())

    async def _others(self) -> tuple[str, ...]:
        # Not known is not shown: a start looks again and refuses then.
        with suppress(RaytuiError, TimeoutError):
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await self._platform.conflicts(self._names)
        return ()
