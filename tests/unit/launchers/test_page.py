from __future__ import annotations

import http.client
import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import raytui_node.page
from raytui_node.page import StatusPage, envoy_present

FACTS = {
    "application": "c-head",
    "role": "head",
    "cluster": "c",
    "state": "alive",
    "since": "now",
    "message": "<b>no dashboard</b>",
}


@contextmanager
def page(dashboard: str | None = None) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = StatusPage(port, lambda: FACTS, None if dashboard is None else lambda: dashboard)
    yield port
    served.close()


def ask(
    port: int, method: str = "GET", path: str = "/", body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, {key.lower(): value for key, value in answer.getheaders()}, data


@contextmanager
def dashboard() -> Iterator[tuple[str, list[http.server.BaseHTTPRequestHandler]]]:
    seen: list[http.server.BaseHTTPRequestHandler] = []

    class Dashboard(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"got " + body)

        def log_message(self, *args: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Dashboard)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("path", ["/", "/healthz?x=1", "/any/where"])
def test_every_path_is_a_plain_200_with_the_state(path: str):
    with page() as port:
        status, headers, body = ask(port, path=path)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    for word in (b"c-head", b"alive", b"&lt;b&gt;no dashboard"):
        assert word in body


def test_head_requests_get_no_body():
    with page() as port:
        assert ask(port, "HEAD")[::2] == (200, b"")


def test_a_taken_port_is_an_error_of_the_system():
    with page() as port, pytest.raises(OSError, match="in use"):
        StatusPage(port, lambda: FACTS)


def test_requests_pass_through_to_the_dashboard_with_their_own_headers():
    with dashboard() as (address, seen), page(address) as port:
        status, headers, body = ask(
            port, "POST", "/api/jobs/?a=1", b"{}", {"X-Ray-Authorization": "Bearer t", "Connection": "keep-alive"}
        )
        assert (status, headers["content-type"], body) == (403, "text/plain", b"got {}")
        assert (seen[0].path, seen[0].headers["Authorization"], seen[0].headers["Host"]) == (
            "/api/jobs/?a=1",
            "Bearer t",
            address,
        )


def test_the_platform_s_key_never_reaches_ray_and_ray_s_token_does():
    with dashboard() as (address, seen), page(address) as port:
        ask(port, "POST", "/", b"", {"authorization": "Bearer key", "X-Ray-Authorization": "Bearer t"})
        ask(port, "POST", "/", b"", {"Authorization": "Bearer key", "Cookie": "ray-authentication-token=t"})
        both, cookie = (one.headers for one in seen)
        assert both.get_all("Authorization") == ["Bearer t"]
        assert both["X-Ray-Authorization"] is None
        assert (cookie["Authorization"], cookie["Cookie"]) == (None, "ray-authentication-token=t")


def test_until_the_dashboard_listens_the_page_answers():
    with page("127.0.0.1:1") as port:
        assert ask(port)[0] == 200


def test_a_body_without_bounds_is_refused():
    with dashboard() as (address, seen), page(address) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", str(1 << 40))
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()
        assert not seen


def test_a_sidecar_is_known_by_its_ready_port(monkeypatch: pytest.MonkeyPatch):
    with page() as port:
        monkeypatch.setattr(raytui_node.page, "_ENVOY_READY", ("127.0.0.1", port, "/healthz/ready"))
        assert envoy_present()
    assert not envoy_present()
