"""Pure: the kubelet API's /configz: upstream's KubeletConfiguration, as far as this board has such a setting.

Enter: the settings in force. Leaves: the document. Source: kubernetes staging/src/k8s.io/kubelet/config/v1beta1/
types.go, pkg/kubelet/apis/config/v1beta1/defaults.go (the durations that are ours, too).
"""

from __future__ import annotations

from typing import Any

from pikube.config import Settings


def configz(settings: Settings, pod_cidr: str) -> dict[str, Any]:
    """What clients find under `kubeletconfig`."""
    sysctls = [name.strip() for name in settings.allowed_unsafe_sysctls.split(",") if name.strip()]
    return {
        "kubeletconfig": {
            "kind": "KubeletConfiguration",
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "enableServer": True,
            "staticPodPath": str(settings.data / "agent" / "pod-manifests"),
            "address": "0.0.0.0",
            "port": settings.kubelet_port,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True, "cacheTTL": "2m0s"},
            },
            "authorization": {
                "mode": "Webhook",
                "webhook": {"cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s"},
            },
            "clusterDomain": settings.cluster_domain,
            "clusterDNS": [settings.cluster_dns],
            "podCIDR": pod_cidr,
            "maxPods": settings.max_pods,
            "podPidsLimit": settings.pod_max_pids,
            "systemReserved": _pairs(settings.system_reserved, "="),
            "evictionHard": _pairs(settings.eviction_hard, "<"),
            "evictionPressureTransitionPeriod": f"{settings.eviction_pressure_transition_period}s",
            "imageMinimumGCAge": f"{settings.minimum_image_ttl_duration}s",
            "imageGCHighThresholdPercent": settings.image_gc_high_threshold,
            "imageGCLowThresholdPercent": settings.image_gc_low_threshold,
            "serializeImagePulls": settings.serialize_image_pulls,
            "maxParallelImagePulls": settings.max_parallel_image_pulls,
            "containerLogMaxSize": str(settings.container_log_max_size),
            "containerLogMaxFiles": settings.container_log_max_files,
            "allowedUnsafeSysctls": sysctls,
        }
    }


def _pairs(text: str, sign: str) -> dict[str, str]:
    parts = (part.strip().partition(sign) for part in text.split(",") if part.strip())
    return {name: value for name, _, value in parts}
