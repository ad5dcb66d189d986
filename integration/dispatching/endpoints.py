"""Where a connection's messages go, so that those to one place can be counted. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit

PORTS = {"https": 443, "http": 80}


def endpoint(service: str, settings: Mapping[str, str]) -> str:
    """The server that a connection's setting `url` names, as `host:port` in lower case, or else the service by name:
    what has no such setting, or leaves it as it is, is at one place for everybody.
    """
    try:
        parts = urlsplit(settings.get("url", ""))
        host, port = (parts.hostname or "").rstrip("."), parts.port or PORTS.get(parts.scheme)
    except ValueError:  # checking.py takes no such address, but what was stored before may be anything
        return service
    return f"{host}:{port}" if host and port else service
