"""Where the administrator's kubeconfig leads."""

import pytest
import yaml

from pikube.certs.leader import LeaderCertificates
from pikube.config import merge


@pytest.mark.parametrize(
    ("bound", "server"),
    [
        ("0.0.0.0", "https://192.0.2.1:6443"),
        ("::", "https://192.0.2.1:6443"),
        ("127.0.0.1", "https://127.0.0.1:6443"),
        ("2001:db8::7", "https://[2001:db8::7]:6443"),
    ],
)
def test_the_kubeconfig_leads_to_where_the_api_listens(tmp_path, bound, server):
    settings = merge({"data-dir": str(tmp_path), "bind-address": bound}, {}, {}, host="b1")
    held = LeaderCertificates(settings, "192.0.2.1", lambda: 1_700_000_000.0)
    held.write_kubeconfig("192.0.2.1")
    (cluster,) = yaml.safe_load(settings.kubeconfig.read_text())["clusters"]
    assert cluster["cluster"]["server"] == server
    assert (bound in held.names) != bound.endswith(("0.0.0.0", "::"))
