"""The server's own table of routes, read from src/api/*/*.def.

Lenient on purpose: a row is whatever stands in ROUTE(...) with a method first and a
quoted path somewhere behind it.
"""

import re

from .server import TOP

ROW = re.compile(r'^\s*ROUTE\w*\(\s*([A-Z]+)\s*,(.*?)"([^"]+)"\s*,\s*(\w+)', re.M | re.S)
PREFIXES = ["/_matrix/client/v3", "/_matrix/client/api/v1", "/_matrix/client/r0",
            "/_matrix/client/v1", "/_matrix/client/v2_alpha", "/_matrix/client/unstable"]
NAMES = {"A1": "/_matrix/client/api/v1", "A2": "/_matrix/client/v2_alpha",
         "R0": "/_matrix/client/r0", "V1": "/_matrix/client/v1", "V3": "/_matrix/client/v3",
         "UNSTABLE": "/_matrix/client/unstable", "M_R0": "/_matrix/media/r0",
         "M_V1": "/_matrix/media/v1", "M_V3": "/_matrix/media/v3"}


def routes():
    """(method, path with {names} in it), every version of each."""
    return sorted({(method, path) for method, path, _ in rows()})


def rows():
    """The same with who may ask: NOBODY, ANYBODY, GUEST, USER."""
    found = []
    for table in sorted((TOP / "src/api").glob("**/*.def")):
        for method, between, path, who in ROW.findall(table.read_text()):
            words = re.findall(r"\w+", between)
            if path.startswith(("/_matrix", "/_synapse", "/_parlour", "/.well-known")):
                found.append((method, path, who))
            elif "ROOT" in words:
                found.append((method, path, who))
            elif path.startswith(("/v1/", "/v3/", "/r0/")):
                found.append((method, "/_matrix/client" + path, who))
            else:
                named = [NAMES[w] for w in words if w in NAMES] or PREFIXES[:1]
                found += [(method, prefix + path, who) for prefix in named]
    return sorted(set(found))


#: What is thrown things at where there is no table to read: another homeserver.
COMMON = [(method, "/_matrix/client/v3" + path) for method, path in [
    ("POST", "/createRoom"), ("POST", "/login"), ("POST", "/register"), ("GET", "/events"),
    ("POST", "/rooms/{roomId}/join"), ("POST", "/rooms/{roomId}/leave"),
    ("POST", "/rooms/{roomId}/invite"), ("POST", "/rooms/{roomId}/ban"),
    ("GET", "/rooms/{roomId}/messages"), ("GET", "/rooms/{roomId}/context/{eventId}"),
    ("PUT", "/rooms/{roomId}/send/{eventType}/{txnId}"),
    ("PUT", "/rooms/{roomId}/state/{eventType}/{stateKey}"),
    ("PUT", "/profile/{userId}/displayname"), ("GET", "/publicRooms")]]
