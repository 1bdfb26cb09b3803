"""A certificate for the workbench's own name, made when the first client wants https or the first workload starts.

Workloads find it, with everything that this machine trusts already, in the file that SSL_CERT_FILE, REQUESTS_CA_BUNDLE
and CURL_CA_BUNDLE name: the way a private CA of a company reaches them.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from pathlib import Path

SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"
USES = "keyUsage=critical,digitalSignature,keyCertSign"


class Certificates:
    """The certificate below `<root>/tls`, or the `given` one, which whoever gave it serves."""

    def __init__(self, root: Path, given: Path | None = None) -> None:
        self._folder = root / "tls"
        self._given = given
        self._lock = asyncio.Lock()
        self._made: bool | None = None

    async def context(self) -> ssl.SSLContext | None:
        """What a server needs; None when no certificate can be made here."""
        if not await self._make():
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "cert.pem", self._folder / "key.pem")
        return context

    async def variables(self) -> dict[str, str]:
        """What tells a workload whom to trust; empty when there is nothing to add."""
        return dict.fromkeys(VARIABLES, str(self._folder / "ca-bundle.pem")) if await self._make() else {}

    async def _make(self) -> bool:
        async with self._lock:
            if self._made is None:
                self._made = await asyncio.to_thread(self._openssl)
            return self._made

    def _openssl(self) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._given is not None:
            self._bundle(self._given)
            return True
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        words += ["-days", "30", "-subj", "/CN=test workbench", "-addext", NAMES, "-addext", USES]
        words += ["-keyout", str(self._folder / "key.pem"), "-out", str(self._folder / "cert.pem")]
        try:
            subprocess.run(words, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"the workbench answers https nowhere: openssl made no certificate ({error})", file=sys.stderr)
            return False
        self._bundle(self._folder / "cert.pem")
        return True

    def _bundle(self, certificate: Path) -> None:
        known = {os.environ.get(name, "") for name in VARIABLES} - {""} or {SYSTEM}
        trusted = [Path(name).read_bytes() for name in sorted(known) if Path(name).is_file()]
        bundle = b"\n".join([*trusted, certificate.read_bytes()])
        (self._folder / "ca-bundle.pem").write_bytes(bundle)
