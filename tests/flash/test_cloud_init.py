"""Our user-data against the schema of cloud-init itself, from Debian's package."""

import json
import subprocess

import jsonschema
import pytest
import yaml
from test_flash_files import CARD, WIFI

from pikube.flash.card import Card
from pikube.flash.render import user_data

SCHEMA = "usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """The package is unpacked, not installed: installed it would configure this machine at its next start."""
    place = tmp_path_factory.mktemp("cloud-init")
    subprocess.run(["apt-get", "download", "cloud-init"], cwd=place, check=True, capture_output=True)
    (package,) = place.glob("cloud-init_*.deb")
    subprocess.run(["dpkg", "-x", package, place / "x"], check=True)
    return jsonschema.Draft4Validator(json.loads((place / "x" / SCHEMA).read_text()))


@pytest.mark.e2e
@pytest.mark.parametrize(
    "card",
    [CARD, Card(node="a", mode="leader", password_hash="$6$salt$hash", wifi=WIFI)],
    ids=["agent", "leader"],
)
def test_cloud_init_accepts_what_we_write(schema, card):
    document = yaml.safe_load(user_data(card))
    assert [error.message for error in schema.iter_errors(document)] == []
    assert list(schema.iter_errors({**document, "runcmd": 5})), "the schema refuses nothing"
