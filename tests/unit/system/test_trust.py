"""One rule of trust for the API and the dashboard, shown with real TLS servers of two private authorities."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raytui.core.errors import Unreachable
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.secret import Secret
from raytui.dashboard.client import connect
from raytui.platforms.cai.api.http import HttpTransport
from raytui.platforms.cai.api.transport import Endpoint, TransportError
from raytui.system.trust import UnreadableBundle, bundle_of, tls_context

Ask = Callable[[str, str], Awaitable[bool]]


def openssl(folder: Path, *words: str) -> str:
    return subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def authority(folder: Path) -> Path:
    """A folder with an authority's `ca.pem` and a server's `server.pem` and `server.key` for 127.0.0.1."""
    folder.mkdir()
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        folder, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", f"/CN={folder.name}"
    )
    openssl(folder, "req", *new, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    issue = ("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
    openssl(folder, *issue, "-out", "server.pem", "-days", "2", "-extfile", "names")
    return folder


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("authorities")
    return authority(folder / "system"), authority(folder / "private")


@contextmanager
def serving(signed_by: Path) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"version": "4", "ray_version": "2.60.0", "session_name": "s"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that does not trust us."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed_by / "server.pem", signed_by / "server.key")
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def api(url: str, bundle: str) -> bool:
    transport = HttpTransport(Endpoint(url, Secret("key"), bundle_of(bundle)))
    try:
        return (await transport.call("ListProjects", {}, query={}, body=None, timeout=10)).status == 200
    except TransportError as error:
        if error.kind != "untrusted":
            raise
        return False
    finally:
        await transport.close()


def dashboard(long_lived: bool) -> Ask:
    async def ask(url: str, bundle: str) -> bool:
        client = connect(DashboardTarget(url, ca_bundle=bundle), long_lived=long_lived)
        try:
            return (await client.version()).ray_version == "2.60.0"
        except Unreachable as error:
            if error.reason != "TlsFailed":
                raise
            return False
        finally:
            await client.close()

    return ask


@pytest.fixture(params=[api, dashboard(True), dashboard(False)], ids=["api", "dashboard pooled", "dashboard oneshot"])
def ask(request, monkeypatch: pytest.MonkeyPatch) -> Ask:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return request.param


def plain(source: Path, folder: Path) -> Path:
    folder.mkdir()
    (folder / "corporate.crt").write_bytes((source / "ca.pem").read_bytes())
    (folder / "README").write_text("not a certificate")
    return folder


def hashed(source: Path, folder: Path) -> Path:
    folder.mkdir()
    name = openssl(source, "x509", "-in", "ca.pem", "-noout", "-hash").strip()
    (folder / f"{name}.0").write_bytes((source / "ca.pem").read_bytes())
    return folder


@pytest.mark.parametrize("form", ["file", "folder", "hashed folder"])
async def test_everybody_trusts_the_system_and_the_bundle_be_it_file_or_folder(
    ask: Ask, form: str, authorities: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, private = authorities
    monkeypatch.setenv("SSL_CERT_DIR", str(hashed(system, tmp_path / "system")))
    bundle = {
        "file": lambda: private / "ca.pem",
        "folder": lambda: plain(private, tmp_path / "own"),
        "hashed folder": lambda: hashed(private, tmp_path / "own"),
    }[form]()
    with serving(system) as known, serving(private) as own:
        assert [await ask(url, str(bundle)) for url in (known, own)] == [True, True]
        assert [await ask(url, "") for url in (known, own)] == [True, False]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_a_bundle_of_the_environment_adds_to_the_system_s_authorities(
    ask: Ask, variable: str, authorities: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    system, private = authorities
    built_in = ssl.get_default_verify_paths()._replace(openssl_cafile=str(system / "ca.pem"))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: built_in)
    monkeypatch.setenv(variable, str(private / "ca.pem"))
    with serving(private) as own:
        assert await ask(own, "")
    if variable == "SSL_CERT_FILE":
        with serving(system) as known:
            assert await ask(known, "")


@pytest.mark.parametrize("content", [None, "empty folder", "not a certificate"])
def test_a_bundle_that_holds_no_certificates_is_named(tmp_path: Path, content: str | None) -> None:
    place = tmp_path / "ca"
    if content == "empty folder":
        place.mkdir()
    elif content is not None:
        place.write_text(content)
    with pytest.raises(UnreadableBundle, match=f"the CA bundle {place} cannot be read: "):
        tls_context(str(place))
