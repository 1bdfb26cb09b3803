"""What the application port answers: at once a small page, since only a plain 200 makes the platform call it running.

When it was asked for, the page passes requests on to Ray's dashboard, with Ray's own token check behind it; until the
dashboard listens it stays the status page. Authorization is the platform's header: some workbenches hand it on, and Ray
would take the caller's API key for a wrong token of its own. It ends here, and what came as X-Ray-Authorization goes on
in its place. The http modules are imported where they are used: a launcher without a port saves 20 ms.
"""

import html
import threading
from typing import TYPE_CHECKING, Callable, Dict, Mapping, Optional

if TYPE_CHECKING:
    import http.server

_HOP_HEADERS = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
    ]
)
_PLATFORM_LOGIN = "authorization"
_RAY_LOGIN = "x-ray-authorization"
_LONGEST_BODY = 64 * 1024 * 1024
_ENVOY_READY = ("127.0.0.1", 15021, "/healthz/ready")


class StatusPage:
    """Serves on 127.0.0.1:`port` from a daemon thread, and shows what `facts` gives and nothing else."""

    def __init__(
        self, port: int, facts: Callable[[], Dict[str, str]], dashboard: Optional[Callable[[], str]] = None
    ) -> None:
        """`dashboard`, when given, answers HOST:PORT of the dashboard to pass requests to.

        Raises OSError when the port is taken.
        """
        import http.server

        page = self

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that went away is no event of this node."""

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "raytui-launcher"
            sys_version = ""
            timeout = 60

            def answer(self) -> None:
                if dashboard is None or not page.pass_on(self, dashboard()):
                    page.show(self)

            def log_message(self, *_args: object) -> None:
                """Polls every few seconds would bury Ray's output."""

        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            setattr(Handler, "do_" + method, Handler.answer)

        self._facts = facts
        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="status-page", daemon=True
        )
        self._thread.start()

    def show(self, handler: "http.server.BaseHTTPRequestHandler") -> None:
        """Answers 200 with the state, for any path."""
        facts = self._facts()
        rows = "".join(
            "<dt>%s</dt><dd>%s</dd>" % (html.escape(key), html.escape(value)) for key, value in facts.items() if value
        )
        title = html.escape("%s: %s" % (facts.get("application", ""), facts.get("state", "")))
        body = (
            "<!doctype html><meta charset=utf-8><meta http-equiv=refresh "
            "content=10><title>%s</title><h1>%s</h1><dl>%s</dl>\n"
        ) % (
            title,
            title,
            rows,
        )
        data = body.encode("utf-8")
        handler.close_connection = True
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html; charset=utf-8")
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("Cache-Control", "no-store")
        handler.send_header("Connection", "close")
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data)

    def pass_on(self, handler: "http.server.BaseHTTPRequestHandler", target: str) -> bool:
        """Passes the request on to the dashboard at `target`.

        False, with nothing answered yet, when the dashboard does not listen.
        """
        length = (
            int(handler.headers.get("Content-Length") or 0)
            if (handler.headers.get("Content-Length") or "0").isdigit()
            else 0
        )
        if length > _LONGEST_BODY:
            handler.send_error(413)
            return True
        import http.client

        connection = http.client.HTTPConnection(target, timeout=60)
        try:
            connection.connect()
        except OSError:
            return False
        try:
            headers = _passed_on(handler.headers)
            connection.request(handler.command, handler.path, handler.rfile.read(length) if length else None, headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            handler.send_error(502, "the dashboard did not answer: %s" % error)
            return True
        handler.close_connection = True
        handler.send_response_only(answer.status, answer.reason)
        for key, value in answer.getheaders():
            if key.lower() not in _HOP_HEADERS:
                handler.send_header(key, value)
        handler.send_header("Connection", "close")
        handler.end_headers()
        try:
            while True:
                # read1 passes a followed log on as it grows, instead of collecting a whole block.
                chunk = answer.read1(65536)
                if not chunk:
                    break
                handler.wfile.write(chunk)
        finally:
            connection.close()
        return True

    def close(self) -> None:
        """Frees the port, so that the platform sees the application end."""
        self._server.shutdown()
        self._server.server_close()


def _passed_on(received: Mapping[str, str]) -> Dict[str, str]:
    """The headers that the dashboard gets, with Ray's token as Ray's own login.

    None of this connection's own and none of the platform's login is passed on.
    """
    dropped = _HOP_HEADERS | {_PLATFORM_LOGIN, _RAY_LOGIN}
    headers = {key: value for key, value in received.items() if key.lower() not in dropped}
    token = received.get(_RAY_LOGIN)
    if token:
        headers["Authorization"] = token
    headers["Connection"] = "close"
    return headers


def envoy_present(timeout: float = 1.0) -> bool:
    """Whether an Envoy sidecar answers in this pod.

    Under one, Ray's ports pass only if the mesh lets plain TCP through.
    """
    import http.client

    host, port, path = _ENVOY_READY
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status == 200 or "envoy" in (answer.getheader("server") or "").lower()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
