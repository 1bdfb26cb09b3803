"""The address of a Ray dashboard as a person gives it: each mistake is one sentence that repeats no secret in it."""

from __future__ import annotations

from urllib.parse import urlsplit

EXAMPLE = "write it like http://127.0.0.1:8265"


def normal_address(text: str) -> str:
    """`scheme://host[:port]` in lower case; raises ValueError with what is wrong as a sentence."""
    plain = text.strip()
    scheme, separator, rest = plain.partition("://")
    authority = rest.partition("/")[0] if separator else plain
    if "@" in authority:
        raise ValueError("it holds a user name or password, which raytui would have to keep and show")
    if any(letter.isspace() or not letter.isprintable() for letter in plain):
        raise ValueError("it holds a blank or a control character")
    if not separator:
        raise ValueError(f"{_short(plain)} does not begin with http:// or https://")
    if scheme.lower() not in {"http", "https"}:
        more = ": that is the Ray client's address, raytui asks the dashboard" if scheme.lower() == "ray" else ""
        raise ValueError(f"{_short(plain)} does not begin with http:// or https://{more}")
    try:
        parts = urlsplit(plain)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{_short(plain)} is no address: {str(error)[:1].lower()}{str(error)[1:]}") from None
    if not host:
        raise ValueError(f"{_short(plain)} names no host")
    if port == 0:
        raise ValueError("port 0 cannot be asked; ports are from 1 to 65535")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or plain.endswith(("?", "#")):
        raise ValueError("it goes on behind the host and port; only the dashboard's root can be asked")
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme.lower()}://{shown}" + (f":{port}" if port else "")


def name_of(address: str) -> str:
    """Host and port: what a cluster is called that has no other name here."""
    return address.partition("://")[2]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
