"""Pure: what the files of configMap, secret, downwardAPI and projected volumes contain.

Enter: a volume of a pod and what its references resolve to. Leave: relative path → (content, mode).
Source: kubernetes pkg/volume/{configmap,secret,downwardapi,projected}.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from pikube.agent.pods.environment import ConfigMissing, Facts, field_value, resource_value
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_volume import ServiceAccountTokenProjection, Volume

Files = dict[str, tuple[bytes, int]]
TokenKey = tuple[str, int]
"""Whom a token is for, and for how many seconds it lives."""
DEFAULT_MODE = 0o644


def token_key(wanted: ServiceAccountTokenProjection) -> TokenKey:
    """What is asked for."""
    return wanted.audience, wanted.expiration_seconds or 3600


class VolumeProblem(Exception):
    """A volume cannot be made (FailedMount); the message says why."""


TokensByKey = Mapping[TokenKey, str | VolumeProblem]
"""Tokens by what is asked for; why, where one cannot be had."""


def volume_files(pod: Pod, volume: Volume, facts: Facts, tokens: TokensByKey) -> Files | None:
    """The files of a volume, None if its content does not come from the API. Two volumes may have different tokens
    in files of one name. VolumeProblem."""
    try:
        if volume.config_map is not None:
            source = volume.config_map
            data = _config_map(facts, source.name, source.optional)
            return _picked(data, source.items, source.default_mode, source.optional, "configmap", "config")
        if volume.secret is not None:
            secret = volume.secret
            content = _secret(facts, secret.secret_name, secret.optional)
            return _picked(content, secret.items, secret.default_mode, secret.optional, "secret", "secret")
        if volume.downward_api is not None:
            downward = volume.downward_api
            return _downward(pod, downward.items, downward.default_mode, facts)
        if volume.projected is not None:
            return _projected(pod, volume, facts, tokens)
    except ConfigMissing as missing:
        raise VolumeProblem(str(missing)) from None
    return None


def _projected(pod: Pod, volume: Volume, facts: Facts, tokens: TokensByKey) -> Files:
    assert volume.projected is not None
    mode = volume.projected.default_mode
    files: Files = {}
    for source in volume.projected.sources:
        if source.config_map is not None:
            ref = source.config_map
            data = _config_map(facts, ref.name, ref.optional)
            files |= _picked(data, ref.items, mode, ref.optional, "configmap", "config")
        if source.secret is not None:
            secret = source.secret
            content = _secret(facts, secret.name, secret.optional)
            files |= _picked(content, secret.items, mode, secret.optional, "secret", "secret")
        if source.downward_api is not None:
            files |= _downward(pod, source.downward_api.items, mode, facts)
        if source.service_account_token is not None:
            wanted = source.service_account_token
            token = tokens[token_key(wanted)]
            if isinstance(token, VolumeProblem):
                raise token
            files[wanted.path] = (token.encode(), DEFAULT_MODE if mode is None else mode)
        bundle = source.cluster_trust_bundle
        if bundle is not None and not bundle.optional:
            raise VolumeProblem("the projected source clusterTrustBundle is not supported by pikube")
        if source.pod_certificate is not None:
            raise VolumeProblem("the projected source podCertificate is not supported by pikube")
    return files


def _picked(
    data: Mapping[str, bytes],
    items: Sequence[Any],
    default_mode: int | None,
    optional: bool | None,
    kind: str,
    word: str,
) -> Files:
    """Raises VolumeProblem in kubernetes' words (pkg/volume/{configmap/configmap,secret/secret}.go:MakePayload)."""
    mode = DEFAULT_MODE if default_mode is None else default_mode
    if not items:
        return {name: (content, mode) for name, content in data.items()}
    files: Files = {}
    for item in items:
        if item.key not in data:
            if optional:
                continue
            raise VolumeProblem(f"{kind} references non-existent {word} key: {item.key}")
        files[_safe(item.path)] = (data[item.key], mode if item.mode is None else item.mode)
    return files


def _downward(pod: Pod, items: Sequence[Any], default_mode: int | None, facts: Facts) -> Files:
    mode = DEFAULT_MODE if default_mode is None else default_mode
    files: Files = {}
    for item in items:
        if item.field_ref is not None:
            text = field_value(pod, item.field_ref.field_path, facts)
        elif item.resource_field_ref is not None:
            ref = item.resource_field_ref
            named = [
                c for c in (*pod.spec.containers, *pod.spec.init_containers) if c.name == ref.container_name
            ]
            if not named:
                raise VolumeProblem(f"container {ref.container_name} not found")
            text = resource_value(ref.resource, ref.divisor, named[0], facts)
        else:
            continue
        files[_safe(item.path)] = (text.encode(), mode if item.mode is None else item.mode)
    return files


def _config_map(facts: Facts, name: str, optional: bool | None) -> dict[str, bytes]:
    found = facts.config_maps.get(name)
    if found is None:
        if optional:
            return {}
        raise VolumeProblem(f'configmap "{name}" not found')
    binary = {key: base64.b64decode(value) for key, value in found.binary_data.items()}
    return {**{key: value.encode() for key, value in found.data.items()}, **binary}


def _secret(facts: Facts, name: str, optional: bool | None) -> dict[str, bytes]:
    found = facts.secrets.get(name)
    if found is None:
        if optional:
            return {}
        raise VolumeProblem(f'secret "{name}" not found')
    return {key: base64.b64decode(value) for key, value in found.data.items()}


def _safe(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise VolumeProblem(f"invalid path: {path}: must be relative and not contain '..'")
    return path
