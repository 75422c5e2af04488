"""AppArmor profiles in annotations, as pods of before Kubernetes 1.30 name them."""

import msgspec
import pytest

from pikube.api.defaulting.app_armor import PREFIX, adopt_annotations
from pikube.api.kinds.core_container import AppArmorProfile
from pikube.api.kinds.core_pod import Pod

LOCAL = {"type": "Localhost", "localhostProfile": "deny-write"}
WARNING = f'metadata.annotations[{PREFIX}c]: deprecated since v1.30; use the "appArmorProfile" field instead'


def adopted(annotation, own=None, of_pod=None):
    """(the container's profile afterwards, warnings)"""
    container = {"name": "c", **({"securityContext": {"appArmorProfile": own}} if own else {})}
    spec = {"containers": [container], "securityContext": {"appArmorProfile": of_pod} if of_pod else {}}
    pod = msgspec.convert({"metadata": {"annotations": {f"{PREFIX}c": annotation}}, "spec": spec}, Pod)
    warnings = adopt_annotations(pod)
    security = pod.spec.containers[0].security_context
    return security.app_armor_profile if security is not None else None, warnings


@pytest.mark.parametrize(("annotation", "profile"), [
    ("localhost/deny-write", AppArmorProfile(type="Localhost", localhost_profile="deny-write")),
    ("runtime/default", AppArmorProfile(type="RuntimeDefault")),
    ("unconfined", AppArmorProfile(type="Unconfined")),
    ("localhost/", None),
    ("Unconfined", None),
])  # fmt: skip
def test_an_annotation_becomes_the_containers_field_and_is_warned_of(annotation, profile):
    assert adopted(annotation) == (profile, [WARNING])


def test_a_field_wins_and_what_the_pod_says_is_not_said_twice():
    assert adopted("unconfined", own=LOCAL)[0].localhost_profile == "deny-write"
    assert adopted("unconfined", own=LOCAL)[1] == []
    assert adopted("localhost/deny-write", of_pod=LOCAL) == (None, [])
