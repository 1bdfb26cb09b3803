"""How a workbench is opened: which transport, which key, which certificates."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.secret import Secret
from raytui.platforms.cai.api.answers import Workbench
from raytui.platforms.cai.api.client import ApiClient, Timing
from raytui.platforms.cai.api.http import HttpTransport
from raytui.platforms.cai.api.transport import ClientName, Endpoint, Transport, normalized_host
from raytui.system import trust


def open_client(
    host: str,
    api_key: Secret | Callable[[], str],
    *,
    project_id: str = "",
    client: ClientName = "auto",
    ca_bundle: str = "",
    key_source: str = "CML_API_KEY",
    timing: Timing | None = None,
) -> ApiClient:
    """A client of the workbench at `host`.

    Raises ConfigurationError for a host, a client or certificates that cannot be used.
    """
    key = api_key if isinstance(api_key, Secret) else Secret(api_key)
    endpoint = Endpoint(normalized_host(host), key, trust.bundle_of(ca_bundle))
    return ApiClient(
        build(endpoint, client), endpoint, Workbench(endpoint.host, project_id, key_source), timing or Timing()
    )


def vendor_importable() -> bool:
    """Whether the vendor's client is installed here, found without importing it."""
    return find_spec("cmlapi") is not None


def build(endpoint: Endpoint, client: ClientName = "auto") -> Transport:
    """The transport that `client` names; `auto` prefers the vendor's.

    Raises ConfigurationError when it is not there.
    """
    if client == "http" or (client == "auto" and not vendor_importable()):
        return HttpTransport(endpoint)
    from raytui.platforms.cai.api.vendor import VendorTransport, VendorUnusable

    try:
        return VendorTransport(endpoint)
    except VendorUnusable as error:
        if client == "auto":
            return HttpTransport(endpoint)
        problem = Problem(
            "client",
            f"the vendor's client cmlapi cannot be used here: {error}",
            f'install it from {endpoint.base}/api/v2/python.tar.gz, or set client = "http"',
        )
        raise ConfigurationError.from_problems([problem]) from None
