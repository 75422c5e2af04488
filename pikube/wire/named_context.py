"""Shell: a TLS context that looks for one name in the server's certificate, whatever address was dialled."""

from __future__ import annotations

import ssl
from typing import Any


class NamedContext(ssl.SSLContext):
    """Of a client."""

    _name: str

    @classmethod
    def trusting(cls, ca: bytes, name: str) -> NamedContext:
        """`ca` is PEM, b'' for the authorities that the system trusts. ssl.SSLError, ValueError."""
        self = cls(ssl.PROTOCOL_TLS_CLIENT)
        self._name = name
        if ca:
            self.load_verify_locations(cadata=ca.decode("ascii"))
        else:
            self.load_default_certs()
        return self

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        options["server_hostname"] = self._name
        return super().wrap_bio(*arguments, **options)
