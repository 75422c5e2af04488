"""Shell: TLS contexts from certificate files: one context a role, reloaded in place when files change.

Enter: paths. Leave: ssl.SSLContext objects. ALPN offers http/1.1 only: kubectl and client-go are content
with it.

Boards have no clock to rely on: OpenSSL is told not to look at the time. Whether a certificate has expired is
judged by who knows the time: the leader, when it asks who a request comes from, and a board by what the leader
told it last (`now`).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h, which Python gives no name

Now = Callable[[], float]


class LiveContext(ssl.SSLContext):
    """Hands each new connection to a context made of the files as they were at the last `reload`, so that whoever
    holds it need not know of renewals, and of authorities that come and go.

    `server_name` is looked for in the server's certificate, whatever was dialled.
    """

    _make: Callable[[], ssl.SSLContext]
    _current: ssl.SSLContext
    _source: LiveContext | None
    """Whose context is handed out: another's, whose reloads are followed, or our own."""
    server_name: str | None

    @classmethod
    def made_by(cls, make: Callable[[], ssl.SSLContext], server_name: str | None = None) -> LiveContext:
        """A context that is made anew by `make` at each reload."""
        made = make()
        self = cls(made.protocol)
        self._make = make
        self._current = made
        self._source = None
        self.server_name = server_name
        return self

    def reload(self) -> None:
        """Take renewed files into use for new connections. OSError, ssl.SSLError leave the old ones in use."""
        self._current = self._make()

    def named(self, server_name: str) -> LiveContext:
        """The same, for another server's name; it follows this one's reloads."""
        follower = LiveContext.made_by(lambda: self._current, server_name)
        follower._source = self
        return follower

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """What trio.SSLStream calls for each connection."""
        if self.server_name is not None:
            options["server_hostname"] = self.server_name
        current = self._current if self._source is None else self._source._current
        return current.wrap_bio(*arguments, **options)


def server_context(leaf: Path, ca: Path) -> LiveContext:
    """For a server: clients may show a certificate of our CA; who shows none may have a token."""

    def make() -> ssl.SSLContext:
        context = _context(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.num_tickets = 0  # resumed TLS 1.3 sessions would not show the client's certificate anew
        return context

    return LiveContext.made_by(make)


def client_context(
    ca: Path | None = None,
    leaf: Path | None = None,
    *,
    ca_data: str = "",
    server_name: str | None = None,
    now: Now | None = None,
) -> LiveContext:
    """For a client that trusts our CA (a file, or PEM in `ca_data`) and nobody else. A server whose certificate
    expired before `now()` is refused; without `now` time is not looked at."""

    def make() -> ssl.SSLContext:
        context = _context(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca, cadata=ca_data or None)
        if leaf is not None:
            context.load_cert_chain(leaf)
        if now is not None:
            context.sslobject_class = _checking(now)
        return context

    return LiveContext.made_by(make, server_name)


def blind_context() -> ssl.SSLContext:
    """For the one question that is asked before anything is trusted: which authority is yours?"""
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags = ssl.VerifyFlags(context.verify_flags | NO_CHECK_TIME)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _checking(now: Now) -> type[ssl.SSLObject]:
    class Checking(ssl.SSLObject):
        """Refuses, at the end of the handshake, a server whose certificate has expired."""

        def do_handshake(self) -> None:
            super().do_handshake()
            ends = (self.getpeercert() or {}).get("notAfter")
            if isinstance(ends, str) and ssl.cert_time_to_seconds(ends) < now():
                raise ssl.SSLCertVerificationError(f"the server's certificate has expired on {ends}")

    return Checking
