"""The HTTP server: control, ingress and API behind one port, and every API request's way through the faults."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

from . import api, client, gateway, ingress, routing
from .doors import Doors
from .failures import Delivery
from .faults import UnknownFault, matches
from .lifecycle import Lifecycle
from .network import Network
from .runner import Runner
from .runs import Runs
from .sidecar_fault import Sidecar
from .site import KINDS, BadSite
from .state import API, PROJECT_SECRET
from .wire import Answer, BadRequest, Request, html_answer, json_answer, read_request

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from .routing import Operation
    from .state import Workbench

assert api.__all__  # its modules fill the table of operations


class Server:
    """A running test workbench."""

    def __init__(self, bench: Workbench, visible: list[Path]) -> None:
        self.bench = bench
        self._visible = visible
        self._connections: set[asyncio.Task[None]] = set()
        self._outside: asyncio.Task[None] | None = None
        self._doors: Doors | None = None

    async def open(self, context: ssl.SSLContext | None = None) -> None:
        """Listen on 127.0.0.1 and make the first project. Raises OSError when the port is taken."""
        bench = self.bench
        listening = socket.create_server(("127.0.0.1", bench.port), backlog=1024)
        bench.port = listening.getsockname()[1]
        self._doors = Doors(self._connection, bench.certificates.context, context)
        self._outside = asyncio.create_task(self._doors.serve(listening))
        bench.network = Network(self._doors.serve, own=bench.options.own_network)
        folder = await asyncio.to_thread(client.unpack, bench)
        runner = Runner(bench.options.root, self._visible, modules=folder)
        bench.lifecycle = Lifecycle(bench, runner, Sidecar(bench.faults))
        bench.runs = Runs(bench, bench.lifecycle)
        bench.link_venv(
            bench.add_project(
                "workbench",
                description="The first project",
                environment={"PROJECT_SECRET": PROJECT_SECRET},
                team=bench.options.team,
            )
        )

    async def close(self) -> None:
        """Stop listening, end all connections and all workloads."""
        if self._outside is not None and self._doors is not None:
            self._outside.cancel()
            await self._doors.close()
        connections = list(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await self.bench.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client is gone, or the server ends
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer. Whether the connection goes on."""
        try:
            request = await read_request(reader, writer)
        except BadRequest as error:
            writer.write(html_answer(f"400 Bad Request: {error}", 400).encode(keep=False))
            return False
        if request is None:
            return False
        answer = await self._answer(request, writer)
        if answer is None:
            return False
        keep = request.headers.get("connection", "").lower() != "close"
        writer.write(answer.encode(head_only=request.method == "HEAD", keep=keep))
        await writer.drain()
        return keep

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> Answer | None:
        if request.path.startswith("/_test/"):
            return self._control(request)
        if request.path == "/login" and (
            request.query.get("redirect") or ingress.subdomain_of(self.bench, request) is None
        ):
            return html_answer("Cloudera AI login")  # under any Host: clients that set one keep it through a redirect
        subdomain = ingress.subdomain_of(self.bench, request)
        if subdomain is not None:
            return await ingress.serve(self.bench, subdomain, request, writer)
        if request.path == "/api/v2/python.tar.gz" and request.method in ("GET", "HEAD"):
            return client.served(self.bench)
        if request.path.startswith("/api/v2/"):
            return await self._api(request, writer)
        return html_answer("404 Not Found", 404)

    def _control(self, request: Request) -> Answer:
        bench = self.bench
        if request.path == "/_test/state" and request.method == "GET":
            return json_answer(bench.truth())
        if request.path == "/_test/site":
            return self._site(request)
        if request.path != "/_test/faults" or request.method not in ("GET", "POST"):
            paths = "GET /_test/state, GET and POST /_test/faults, GET and POST /_test/site exist"
            return json_answer({"error": paths}, 404)
        if request.method == "POST":
            try:
                changes = json.loads(request.body or b"{}")
                bench.faults.update(changes.get("faults", changes))
            except (UnknownFault, ValueError, AttributeError) as error:
                return json_answer({"error": str(error)}, 400)
        return json_answer(bench.faults.as_dict())

    def _site(self, request: Request) -> Answer:
        """GET and POST of what the site gives; what waits is looked at again at once."""
        try:
            if request.method == "POST":
                self.bench.site.update(json.loads(request.body or b"{}"))
        except (BadSite, ValueError, AttributeError, TypeError) as error:
            return json_answer({"error": str(error)}, 400)
        return json_answer({kind: self.bench.site.words.get(kind, []) for kind in KINDS})

    async def _api(self, request: Request, writer: asyncio.StreamWriter) -> Answer | None:
        bench = self.bench
        bench.requests += 1
        found = routing.find(request)
        name = found[0].name if found else ""
        way = bench.chooser.next(name)

        async def work() -> Answer:
            return await self._carry_out(request, found)

        if bench.faults.slow:
            await asyncio.sleep(bench.faults.slow)
        if bench.faults.expired_login:
            return html_answer("Found", 302, Location="/login?redirect=api")
        if way is None:
            return await work()
        return await Delivery(bench.faults, writer, work, bench.spawn).fail(way, create=name.startswith("Create"))

    async def _carry_out(self, request: Request, found: tuple[Operation, dict[str, str]] | None) -> Answer:
        try:
            entry, names = _known(found)
            self._admit(request, entry, names)
            query = {name: values[-1] for name, values in request.query.items()}
            self._note(entry.name, request=(query, request.body))
            body = gateway.decode_body(entry.name, request)
            result = await entry.handler(self.bench, routing.Call(request, names, query, body))
        except routing.Refused as error:
            return json_answer(error.to_json(), routing.STATUS[error.code])
        if isinstance(result, Answer):
            return result
        self._note(entry.name, answer=result)
        return json_answer(_older(result) if self.bench.faults.older_status else result)

    def _admit(self, request: Request, entry: Operation, names: dict[str, str]) -> None:
        """Refuse keys that may not. Raises Refused."""
        if entry.name == "ValidateAPIKey":
            return
        key = ingress.key_of(request) or ""
        audiences = self.bench.audiences(key)
        if not audiences:
            raise routing.Refused(routing.UNAUTHENTICATED, "the key is missing, invalid or has expired")
        if API not in audiences:
            raise routing.Refused(routing.FORBIDDEN, "the key does not have the audience API")
        project = self.bench.projects.get(names.get("project_id", ""))
        looking = project is not None and matches(self.bench.faults.view_only, project.name)
        if entry.changes and (looking or not self.bench.may_write(key)):
            raise routing.Refused(routing.FORBIDDEN, "the user may only read in this project")

    def _note(self, name: str, *, request: tuple[dict[str, str], bytes] | None = None, answer: Any = None) -> None:
        """Keep what breaks the specification, with --validate."""
        if not self.bench.options.validate or name not in gateway.operations():
            return
        from . import schema

        if request is not None:
            try:
                body = json.loads(request[1]) if request[1] and gateway.body_schema(name) else {}
            except ValueError:
                body = request[1].decode("utf-8", "replace")
            self.bench.violations += schema.check_request(name, request[0], body)
        if answer is not None:
            self.bench.violations += schema.check_answer(name, answer)


def _known(found: tuple[Operation, dict[str, str]] | None) -> tuple[Operation, dict[str, str]]:
    if found is None:
        raise routing.Refused(routing.NOT_FOUND, "Not Found")
    return found


def _older(value: Any) -> Any:
    """The answer with the status words of older workbenches: bare and in lower case."""
    if isinstance(value, list):
        return [_older(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    older = {name: _older(held) for name, held in value.items()}
    status = older.get("status")
    if isinstance(status, str) and status.startswith(("APPLICATION_", "ENGINE_")):
        older["status"] = status.partition("_")[2].lower()
    if older.get("creation_status") == "failure":
        older["creation_status"] = "failed"
    return older
