"""Pure: what changes on the way through pods/proxy, services/proxy and nodes/proxy: names, paths, headers, links.

Enter: names such as `https:web:443`, headers, HTML. Leave: the same as the other side is to see them. Called by
proxy. Sources: kubernetes apimachinery `util/net/port_split.go:SplitSchemeNamePort`, `util/proxy/transport.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from pikube.api.errors import PathNotFound
from pikube.wire.messages import Headers

SCHEMES = ("", "http", "https")
PREFIX = re.compile(
    r"(/api/[^/]+/(?:namespaces/[^/]+/)?(?:pods|services|nodes)/[^/]+/proxy)(/.*)?", re.DOTALL
)
MAX_TAG_BYTES = 64 * 1024  # a `<` that is not closed after so many bytes is no tag

HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)
DROPPED = HOP_BY_HOP | {
    "host",
    "content-length",
    "authorization",
    "accept-encoding",
    "expect",
    "x-forwarded-for",
}
"""Of a request. Credentials for the API are nobody else's; what is encoded could not be rewritten."""

CORS = frozenset(
    (
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
    )
)

LINKS = {
    "a": ("href",),
    "applet": ("codebase",),
    "area": ("href",),
    "audio": ("src",),
    "base": ("href",),
    "blockquote": ("cite",),
    "body": ("background",),
    "button": ("formaction",),
    "del": ("cite",),
    "embed": ("src",),
    "form": ("action",),
    "frame": ("longdesc", "src"),
    "html": ("manifest",),
    "iframe": ("longdesc", "src"),
    "img": ("longdesc", "src", "usemap"),
    "input": ("src", "usemap", "formaction"),
    "ins": ("cite",),
    "link": ("href",),
    "object": ("classid", "codebase", "data", "usemap"),
    "q": ("cite",),
    "script": ("src",),
    "source": ("src",),
    "video": ("poster", "src"),
}
TAG = re.compile(rb"<([a-zA-Z][a-zA-Z0-9]*)((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)>")
BEGUN = re.compile(rb"<(?:[a-zA-Z][a-zA-Z0-9]*(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*(?:\"[^\"<]*|'[^'<]*)?)?")
ATTRIBUTE = re.compile(rb"(\s)([a-zA-Z]+)(\s*=\s*)(?:\"([^\"]*)\"|'([^']*)')")


def split_name(text: str) -> tuple[str, str, str] | None:
    """`[scheme:]name[:port]` → (scheme, name, port), '' for what is absent; None when it is none of that."""
    parts = text.split(":")
    if len(parts) == 1:
        scheme, name, port = "", parts[0], ""
    elif len(parts) == 2:
        scheme, name, port = "", parts[0], parts[1]
    elif len(parts) == 3:
        scheme, name, port = parts
    else:
        return None
    if not name or scheme not in SCHEMES or (len(parts) == 2 and not port):
        return None
    return scheme, name, port


def split_path(raw_path: str) -> tuple[str, str]:
    """(the path up to and with `proxy`, what follows it: '' or with its leading slash), both as they were sent.

    PathNotFound for one that means the same and is written otherwise: links in it could not be made right.
    """
    found = PREFIX.fullmatch(raw_path)
    if found is None:
        raise PathNotFound()
    return found[1], found[2] or ""


def forwarded_headers(headers: Mapping[str, str], prefix: str, path: str, client: str) -> Headers:
    """A request's headers as the other side gets them, Host left out."""
    passed = [
        (name, value)
        for name, value in headers.items()
        if name not in DROPPED and not name.startswith("impersonate-")
    ]
    chain = headers.get("x-forwarded-for", "")
    return [
        *passed,
        ("x-forwarded-uri", prefix + path),
        ("x-forwarded-for", f"{chain}, {client}" if chain else client),
    ]


def returned_headers(headers: Iterable[tuple[str, str]], prefix: str, hosts: Iterable[str]) -> Headers:
    """An answer's headers as the client gets them: redirects stay inside the proxy."""
    return [
        (name, rewrite_link(value, prefix, hosts) if name == "location" else value)
        for name, value in headers
        if name not in CORS
    ]


def rewrite_link(link: str, prefix: str, hosts: Iterable[str]) -> str:
    """An absolute path, or a URL on one of `hosts`, as a path under the prefix; everything else as it is."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return link
    if (parts.netloc and parts.netloc not in hosts) or not parts.path.startswith("/"):
        return link
    path = parts.path if parts.path.startswith(prefix) else prefix + parts.path
    return urlunsplit(("", "", path, parts.query, parts.fragment))


class HtmlRewriter:
    """Rewrites the links of a page that comes in pieces."""

    def __init__(self, prefix: str, hosts: Iterable[str]) -> None:
        self._prefix = prefix
        self._hosts = tuple(hosts)
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """As much of the page as is whole."""
        data = self._rest + data
        cut = data.rfind(b"<")
        if cut < 0 or len(data) - cut > MAX_TAG_BYTES or BEGUN.fullmatch(data, cut) is None:
            cut = len(data)
        self._rest = data[cut:]
        return TAG.sub(self._tag, data[:cut])

    def end(self) -> bytes:
        """What was kept back."""
        rest, self._rest = self._rest, b""
        return rest

    def _tag(self, found: re.Match[bytes]) -> bytes:
        names = LINKS.get(found[1].decode("ascii").lower())
        if names is None:
            return found[0]

        def attribute(match: re.Match[bytes]) -> bytes:
            if match[2].decode("ascii").lower() not in names:
                return match[0]
            mark = b'"' if match[4] is not None else b"'"
            value = (match[4] if match[4] is not None else match[5]).decode("latin-1")
            link = rewrite_link(value, self._prefix, self._hosts)
            return match[1] + match[2] + match[3] + mark + link.encode("latin-1") + mark

        return b"<" + found[1] + ATTRIBUTE.sub(attribute, found[2]) + b">"


def target_of(path: str, query: str) -> str:
    """The request line's target: the path as the client escaped it, and the query."""
    path = quote(path or "/", safe="/%:@!$&'()*+,;=~-._")
    return f"{path}?{query}" if query else path
