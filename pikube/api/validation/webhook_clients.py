"""Pure: what is wrong with the address of a webhook, of admission or of conversion.

Source: kubernetes k8s.io/apiserver pkg/util/webhook/validation.go.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pikube.api import names
from pikube.api.errors import Cause
from pikube.api.validation.causes import invalid, required

FORM = "desired format: https://host[/path]"


def client_causes(config: Any, here: str) -> list[Cause]:
    """`config` has url and service, of which exactly one may be given."""
    if (config.url is None) == (config.service is None):
        return [required(here, "exactly one of url or service is required")]
    if config.service is None:
        return _url_causes(config.url, f"{here}.url")
    service, place = config.service, f"{here}.service"
    causes = [
        required(f"{place}.{name}")
        for name, value in (("name", service.name), ("namespace", service.namespace))
        if not value
    ]
    if service.port is not None and (wrong := names.port_number(service.port)):
        words = f"port is not valid: {', '.join(wrong)}"
        causes.append(invalid(f"{place}.port", service.port, words))
    return causes + [invalid(f"{place}.path", service.path, words) for words in _path_words(service.path)]


def _path_words(path: str | None) -> list[str]:
    if not path or path == "/":
        return []
    if not path.startswith("/"):
        return ["must start with a '/'"]
    words: list[str] = []
    for index, segment in enumerate(path[1:].removesuffix("/").split("/")):
        if not segment:
            words.append(f"segment[{index}] may not be empty")
        else:
            words += [f"segment[{index}]: {wrong}" for wrong in names.dns1123_subdomain(segment)]
    return words


def _url_causes(url: str, here: str) -> list[Cause]:
    parts = urlsplit(url)
    causes: list[Cause] = []
    if parts.scheme != "https":
        causes.append(invalid(here, parts.scheme, f"'https' is the only allowed URL scheme; {FORM}"))
    if not parts.netloc:
        causes.append(invalid(here, parts.netloc, f"host must be specified; {FORM}"))
    if parts.username is not None:
        causes.append(invalid(here, parts.username, "user information is not permitted in the URL"))
    if parts.fragment:
        causes.append(invalid(here, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        causes.append(invalid(here, parts.query, "query parameters are not permitted in the URL"))
    return causes
