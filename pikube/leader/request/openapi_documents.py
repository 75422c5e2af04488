"""Shell: the OpenAPI documents, built when first asked for."""

from __future__ import annotations

from pikube.api.errors import PathNotFound
from pikube.api.scheme import Scheme


class OpenApiDocuments:
    """Thread-safe; kept by Documents."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme

    def document(self, path: str, accept: str) -> tuple[bytes, str, str]:
        """(body, ETag, Content-Type) of a path under /openapi."""
        raise PathNotFound()
