"""The test workbench inside a test's own event loop: quick to start, its state open to the test.

async with running(tmp_path, stub=True, start_seconds=0.1) as bench:
    bench.url, bench.api_key, bench.first_project.id, bench.faults.update({"errors": 0.2}), bench.truth()
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .server import Server
from .state import Options, Workbench

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator


@asynccontextmanager
async def running(
    root: Path,
    *,
    stub: bool = True,
    seed: int | None = 0,
    validate: bool = True,
    context: ssl.SSLContext | None = None,
    site: dict[str, list[str]] | None = None,
    team: str = "",
    client: Path | None = None,
    own_network: bool = True,
    **faults: Any,
) -> AsyncIterator[Workbench]:
    """A listening workbench on a free port; at the end nothing of it runs any more."""
    scheme = "https" if context else "http"
    options = Options(
        root,
        Path(sys.prefix),
        stub=stub,
        seed=seed,
        validate=validate,
        scheme=scheme,
        team=team,
        client=client,
        own_network=own_network,
    )
    bench = Workbench(options)
    bench.faults.update(faults)
    bench.site.update(site or {})
    server = Server(bench, [root, Path(sys.prefix), Path(sys.base_prefix), Path.cwd()])
    await server.open(context)
    try:
        yield bench
    finally:
        await server.close()
