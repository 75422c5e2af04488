"""Pure: how an extension API server knows that a request comes from this API, and for whom it asks.

The aggregation layer shows the certificate `front-proxy-client` and names the user in headers. What an extension
must trust for that is in kube-system/extension-apiserver-authentication (kubernetes
pkg/controlplane/controller/clusterauthenticationtrust), which its own library reads. Enter: PEM. Leaves: the
ConfigMap's data. Called by the leader's upkeep.
"""

from __future__ import annotations

import json

from pikube.certs.profiles import FRONT_PROXY

NAMESPACE, NAME = "kube-system", "extension-apiserver-authentication"

USER_HEADER, UID_HEADER = "X-Remote-User", "X-Remote-Uid"
GROUP_HEADER, EXTRA_PREFIX = "X-Remote-Group", "X-Remote-Extra-"


def trust_document(bundle: bytes) -> dict[str, str]:
    """One authority signs people and the front proxy alike: the name in `requestheader-allowed-names` is what
    tells them apart, and nobody else gets a certificate with it (`RESERVED_NAMES`)."""
    authorities = bundle.decode()
    return {
        "client-ca-file": authorities,
        "requestheader-allowed-names": json.dumps([FRONT_PROXY.common_name]),
        "requestheader-client-ca-file": authorities,
        "requestheader-extra-headers-prefix": json.dumps([EXTRA_PREFIX]),
        "requestheader-group-headers": json.dumps([GROUP_HEADER]),
        "requestheader-uid-headers": json.dumps([UID_HEADER]),
        "requestheader-username-headers": json.dumps([USER_HEADER]),
    }
