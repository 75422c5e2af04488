"""The Pod Security Standards: what pods break, in the words of upstream's own cases."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pikube.api.kinds.core_pod import PodSpec
from pikube.api.kinds.meta import ObjectMeta
from pikube.api.pod_security.evaluation import details, evaluate, reasons
from pikube.api.pod_security.policy import LevelVersion, policy_of

HARD = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
POD = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
MODES = "pod-security.kubernetes.io/"


def pod(*containers, **spec):
    every = containers or ({},)
    named = [{"name": chr(97 + i), "image": "i", **container} for i, container in enumerate(every)]
    return msgspec.convert({"containers": named, **spec}, PodSpec)


def hard(*containers, **spec):
    """A pod that restricted takes, but for what is given."""
    every = [{**c, "securityContext": {**HARD, **c.get("securityContext", {})}} for c in containers or ({},)]
    return pod(*every, **{**spec, "securityContext": {**POD, **spec.get("securityContext", {})}})


def broken(level, spec, version="latest", **annotations):
    meta = ObjectMeta(
        annotations={key.replace("__", "/").replace("_", "."): v for key, v in annotations.items()}
    )
    return details(evaluate(LevelVersion(level, version), meta, spec))


def test_a_plain_pod_is_no_restricted_one_and_a_hardened_one_is():
    assert broken("restricted", pod()) == (
        'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to '
        '"RuntimeDefault" or "Localhost")'
    )
    assert broken("baseline", pod()) == broken("privileged", pod(hostNetwork=True)) == ""
    assert broken("restricted", hard()) == broken("restricted", hard({}, {})) == ""


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"hostNetwork": True, "hostIPC": True}, "host namespaces (hostNetwork=true, hostIPC=true)"),
        (
            {"volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "hostPath": {"path": "/"}}]},
            'hostPath volumes (volumes "v", "w")',
        ),
        ({"securityContext": {"sysctls": [{"name": "kernel.sem"}]}}, "forbidden sysctls (kernel.sem)"),
        (
            {"securityContext": {"seLinuxOptions": {"type": "x", "user": "u"}}},
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "x"; user may not be set)',
        ),
        (
            {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
            'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
        ),
        (
            {"securityContext": {"windowsOptions": {"hostProcess": True}}},
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
    ],
)
def test_what_a_pod_may_not_say(spec, words):
    assert broken("baseline", pod(**spec)) == words


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (
            {"securityContext": {"privileged": True}},
            'privileged (containers "a", "b" must not set securityContext.privileged=true)',
        ),
        (
            {"securityContext": {"capabilities": {"add": ["CHOWN", "NET_RAW", "BPF"]}}},
            'non-default capabilities (containers "a", "b" must not include "BPF", "NET_RAW" '
            "in securityContext.capabilities.add)",
        ),
        (
            {"ports": [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 80}]},
            'hostPort (containers "a", "b" use hostPorts 80, 9)',
        ),
        (
            {"securityContext": {"procMount": "Unmasked"}},
            'procMount (containers "a", "b" must not set securityContext.procMount to "Unmasked")',
        ),
        (
            {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
            'seccompProfile (containers "a", "b" must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        (
            {"livenessProbe": {"httpGet": {"host": "h", "port": 1}}},
            'probe or lifecycle host (containers "a", "b" use probe or lifecycle host "h")',
        ),
    ],
)
def test_what_a_container_may_not_say_in_any_place(container, words):
    assert broken("baseline", pod(container, container)) == words
    one = {"name": "z", "image": "i", **container}
    alone = broken("baseline", pod({}, initContainers=[one]))
    assert alone.startswith(words.partition(" (")[0]) and 'container "z"' in alone
    added = {key: value for key, value in one.items() if key not in ("ports", "livenessProbe")}
    if "securityContext" in added:
        assert 'container "z"' in broken("baseline", pod({}, ephemeralContainers=[added]))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            hard(volumes=[{"name": "v", "nfs": {"server": "s", "path": "/"}}, {"name": "w", "emptyDir": {}}]),
            'restricted volume types (volume "v" uses restricted volume type "nfs")',
        ),
        (hard({"securityContext": {"runAsUser": 0}}), 'runAsUser=0 (container "a" must not set runAsUser=0)'),
        (
            hard({"securityContext": {"runAsNonRoot": False}}, securityContext={"runAsNonRoot": False}),
            'runAsNonRoot != true (pod and container "a" must not set securityContext.runAsNonRoot=false)',
        ),
        (
            hard({"securityContext": {"capabilities": {"add": ["CHOWN", "NET_BIND_SERVICE"]}}}),
            'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; '
            'container "a" must not include "CHOWN" in securityContext.capabilities.add)',
        ),
        (
            hard({"securityContext": {"procMount": "Unmasked"}}, hostUsers=False),
            'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
        ),
    ],
)
def test_what_restricted_adds(spec, words):
    assert broken("restricted", spec) == words


def test_a_check_is_as_old_as_the_version_that_is_asked():
    keepalive = pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_keepalive_time"}]})
    assert broken("baseline", keepalive, "v1.28") == "forbidden sysctls (net.ipv4.tcp_keepalive_time)"
    assert broken("baseline", keepalive, "v1.29") == broken("baseline", keepalive, "v1.99") == ""
    probe = pod({"livenessProbe": {"tcpSocket": {"host": "h", "port": 1}}})
    assert broken("baseline", probe, "v1.33") == "" != broken("baseline", probe, "v1.34")
    root = hard({"securityContext": {"runAsUser": 0}}, hostUsers=False)
    assert broken("restricted", root) == "" != broken("restricted", root, "v1.34")
    windows = pod(os={"name": "windows"}, securityContext={"runAsNonRoot": True})
    assert broken("restricted", windows) == "" != broken("restricted", windows, "v1.24")
    # before restricted had checks of its own, baseline's are asked
    raw = hard({"securityContext": {"capabilities": {"add": ["NET_RAW"], "drop": ["ALL"]}}})
    assert (
        reasons(evaluate(LevelVersion("restricted", "v1.21"), ObjectMeta(), raw))
        == "non-default capabilities"
    )
    noted = broken("baseline", pod(), "v1.18", seccomp_security_alpha_kubernetes_io__pod="unconfined")
    assert (
        noted == 'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")'
    )


def test_annotations_of_app_armor_count_in_every_version():
    spec, key = pod(), "container_apparmor_security_beta_kubernetes_io__a"
    assert broken("baseline", spec, **{key: "localhost/x"}) == ""
    words = broken("baseline", spec, "v1.0", **{key: "unconfined"})
    assert words.startswith("forbidden AppArmor profile (annotation must not set AppArmor profile type to ")


def test_labels_say_the_level_of_each_mode():
    policy, causes = policy_of({MODES + "enforce": "baseline", MODES + "warn-version": "v1.30"})
    assert (str(policy.enforce), str(policy.warn), str(policy.audit), causes) == (
        "baseline:latest", "baseline:v1.30", "privileged:latest", [],
    )  # fmt: skip
    policy, _ = policy_of({MODES + "enforce": "restricted", MODES + "warn": "privileged"})
    assert (policy.enforce.level, policy.warn.level) == ("restricted", "privileged")
    policy, causes = policy_of({MODES + "enforce": "x", MODES + "audit-version": "1.2", MODES + "warn": "y"})
    assert (policy.enforce.level, policy.warn.level, policy.audit.version) == (
        "restricted",
        "privileged",
        "latest",
    )
    assert [(cause.field, cause.message) for cause in causes] == [
        (
            f"metadata.labels[{MODES}enforce]",
            'Invalid value: "x": must be one of privileged, baseline, restricted',
        ),
        (f"metadata.labels[{MODES}audit-version]", 'Invalid value: "1.2": must be "latest" or "v1.x"'),
        (
            f"metadata.labels[{MODES}warn]",
            'Invalid value: "y": must be one of privileged, baseline, restricted',
        ),
    ]
    assert policy_of({})[0].asks_nothing and policy_of({MODES + "enforce": "privileged"})[0].asks_nothing


CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "privileged": st.booleans(),
        "runAsNonRoot": st.booleans(),
        "runAsUser": st.sampled_from([0, 1]),
        "allowPrivilegeEscalation": st.booleans(),
        "seccompProfile": st.sampled_from([{"type": "Unconfined"}, {"type": "RuntimeDefault"}]),
        "capabilities": st.sampled_from([{"drop": ["ALL"]}, {"add": ["NET_RAW"]}, {"add": ["KILL"]}]),
    },
)


@given(st.lists(CONTEXTS, min_size=1, max_size=3), st.booleans(), st.integers(0, 40))
def test_who_passes_the_stricter_level_passes_the_other(contexts, is_on_host, minor):
    spec = pod(*({"securityContext": context} for context in contexts), hostPID=is_on_host)
    version = f"v1.{minor}"
    strict = evaluate(LevelVersion("restricted", version), ObjectMeta(), spec)
    if not strict:
        assert not evaluate(LevelVersion("baseline", version), ObjectMeta(), spec)
