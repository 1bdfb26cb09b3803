"""Command line of the test workbench: start, say where, run until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path

from . import faults as fault_table
from . import site as site_table
from .client import tarfile_at
from .server import Server
from .state import Options, Workbench


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """The options; `fault_values` holds the parsed faults. Ends the program when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fakes.workbench",
        description="A Cloudera AI workbench for tests. Prints one JSON line when ready; see the package's docstring.",
        epilog="faults (name=default meaning):\n" + fault_table.table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--root", type=Path, required=True, help="folder for projects and logs; made when it is missing"
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=VALUE", help="switch a fault on; may be repeated"
    )
    parser.add_argument(
        "--venv",
        type=Path,
        default=Path(sys.prefix),
        help="virtual environment that projects get as .venv (default: the running interpreter's)",
    )
    parser.add_argument(
        "--stub", action="store_true", help="applications run nothing and become RUNNING after --start-seconds"
    )
    parser.add_argument("--start-seconds", type=float, help="the same as --fault start_seconds=S")
    parser.add_argument("--seed", type=int, help="makes the faults and ids repeatable")
    parser.add_argument(
        "--validate",
        action="store_true",
        help="check requests and answers against openapi.json; /_test/state lists the violations",
    )
    for kind, form in site_table.KINDS.items():
        option = f"--{kind.replace('_', '-')}"
        parser.add_argument(
            option, action="append", default=[], dest=kind, metavar="WORD", help=f"{form}; may be repeated"
        )
    parser.add_argument(
        "--network",
        choices=("own", "shared"),
        default="own",
        help="own: workloads have a network of their own where that is permitted (root); shared: the machine's",
    )
    parser.add_argument("--team", default="", help="the team that owns the first project: its quota counts then")
    parser.add_argument(
        "--client",
        type=Path,
        metavar="FILE",
        help="the vendor's client for Python (tar.gz): served at /api/v2/python.tar.gz, importable in scripts of workloads",
    )
    parser.add_argument("--tls-cert", type=Path, help="serve https with this certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, help="its key (PEM); default: in the certificate's file")
    options = parser.parse_args(words)
    if options.client is not None and not tarfile_at(options.client):
        parser.error(f"--client {options.client} is no tar.gz file")
    options.fault_values = fault_table.parse_words(options.fault)
    if options.start_seconds is not None:
        options.fault_values["start_seconds"] = str(options.start_seconds)
    try:
        fault_table.Faults().update(options.fault_values)
        options.site = {kind: getattr(options, kind) for kind in site_table.KINDS}
        site_table.Site().update(options.site)
    except (fault_table.UnknownFault, site_table.BadSite) as error:
        parser.error(str(error))
    return options


async def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes. 1 when the port is taken."""
    root = options.root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    venv = options.venv.absolute()
    scheme = "https" if options.tls_cert else "http"
    bench = Workbench(
        Options(
            root,
            venv,
            stub=options.stub,
            seed=options.seed,
            validate=options.validate,
            scheme=scheme,
            port=options.port,
            team=options.team,
            certificate=options.tls_cert,
            own_network=options.network == "own",
            client=options.client.resolve() if options.client else None,
        )
    )
    bench.faults.update(options.fault_values)
    bench.site.update(options.site)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server = Server(bench, [root, venv, Path(sys.prefix), Path(sys.base_prefix), Path.cwd()])
    try:
        await server.open(_context(options))
    except OSError as error:
        print(
            f"the test workbench cannot listen on 127.0.0.1:{options.port}: {error.strerror}; give another --port",
            file=sys.stderr,
        )
        return 1
    ready = {"url": bench.url, "domain": bench.domain, "api_key": bench.api_key, "project_id": bench.first_project.id}
    print(json.dumps(ready), flush=True)
    await stopped.wait()
    await server.close()
    return 0


def _context(options: argparse.Namespace) -> ssl.SSLContext | None:
    if options.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tls_cert, options.tls_key)
    return context


if __name__ == "__main__":
    sys.exit(asyncio.run(run(parse())))
