"""Which certificates are trusted, by one rule for every connection: the system's authorities and a private bundle's.

The bundle is the setting, else SSL_CERT_FILE, else REQUESTS_CA_BUNDLE: a file of PEM certificates or a folder of them.
"""

from __future__ import annotations

import os
import re
import ssl

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
"""How OpenSSL names the files of a folder that it can search by itself (c_rehash)."""


class UnreadableBundle(Exception):
    """The private bundle cannot be used; the text says why and names its path."""


def bundle_of(setting: str) -> str:
    """Path of the private bundle: the setting, else what the usual variables say; empty when there is none."""
    return setting or next((value for name in _VARIABLES if (value := os.environ.get(name, ""))), "")


def tls_context(ca_bundle: str) -> ssl.SSLContext:
    """A context that verifies hosts against the system's authorities and the bundle; raises `UnreadableBundle`."""
    # Imported here: a status over plain HTTP must not pay 20 ms for it.
    bundle = bundle_of(ca_bundle)
    try:
        context = ssl.create_default_context()
        _trust_system(context)
        if bundle:
            _trust(context, os.path.expanduser(bundle))  # noqa: PTH111 - pathlib costs more to import here
    except OSError as error:  # ssl.SSLError is one
        raise UnreadableBundle(f"the CA bundle {bundle} cannot be read: {error.strerror or error}") from None
    return context


def _trust_system(context: ssl.SSLContext) -> None:
    """Load the system's authorities from where OpenSSL was built to find them.

    SSL_CERT_FILE and SSL_CERT_DIR would replace them.
    """
    built_in = ssl.get_default_verify_paths()
    if os.environ.get(built_in.openssl_cafile_env) and os.path.isfile(built_in.openssl_cafile):  # noqa: PTH113
        context.load_verify_locations(cafile=built_in.openssl_cafile)
    if os.environ.get(built_in.openssl_capath_env) and os.path.isdir(built_in.openssl_capath):  # noqa: PTH112
        context.load_verify_locations(capath=built_in.openssl_capath)


def _trust(context: ssl.SSLContext, path: str) -> None:
    if not os.path.isdir(path):  # noqa: PTH112
        context.load_verify_locations(cafile=path)
        return
    names = sorted(os.listdir(path))  # noqa: PTH208
    if any(_HASHED.fullmatch(name) for name in names):
        context.load_verify_locations(capath=path)
        return
    files = [name for name in names if name.endswith((".pem", ".crt", ".cer"))]
    if not files:
        raise FileNotFoundError(2, "the folder holds no certificates (*.pem, *.crt)", path)
    for name in files:
        context.load_verify_locations(cafile=os.path.join(path, name))  # noqa: PTH118
