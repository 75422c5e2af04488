"""Pure: how to verify tokens of service accounts without asking the API (OpenID Connect Discovery 1.0 §3).

Enter: where the API answers, the public keys. Leave: two answers by path. Source: kubernetes
pkg/serviceaccount/openidmetadata.go, pkg/routes/openidmetadata.go.
"""

from __future__ import annotations

import json
from typing import Any

from pikube.api.media_types import JSON
from pikube.certs.tokens import ISSUER
from pikube.wire.messages import Response

CONFIGURATION = "/.well-known/openid-configuration"
KEY_SET = "/openid/v1/jwks"
LASTING = "public, max-age=3600"


def issuer_documents(address: str, key_set: dict[str, Any]) -> dict[str, Response]:
    """`address`: host and port. `key_set`: as RFC 7517 §5 has it."""
    configuration = {
        "issuer": ISSUER,
        "jwks_uri": f"https://{address}{KEY_SET}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted({key["alg"] for key in key_set["keys"]}),
    }
    return {
        CONFIGURATION: _answer(configuration, JSON),
        KEY_SET: _answer(key_set, "application/jwk-set+json"),
    }


def _answer(document: dict[str, Any], kind: str) -> Response:
    headers = (("Content-Type", kind), ("Cache-Control", LASTING))
    return Response(200, headers, (json.dumps(document).encode(),))
