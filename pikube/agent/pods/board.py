"""Declaration: what all pods of a board share.

Built once by the agent, read by each pod's worker.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from pikube.agent.pods.container_specs import DnsSettings
from pikube.agent.pods.node_admission import Enforced
from pikube.agent.pods.references import References
from pikube.agent.pods.starting import Starter
from pikube.agent.runtime.contract import Runtime
from pikube.agent.runtime.processes import OomWatch
from pikube.api.client import Client
from pikube.api.kinds.core_node import Node
from pikube.informer.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Board:
    client: Client
    runtime: Runtime
    recorder: Recorder
    references: References
    starter: Starter
    oom: OomWatch
    network: str
    dns: DnsSettings
    pods_dir: Path
    host_ip: Callable[[], str]
    node: Callable[[], Node]
    enforced: Enforced
    pressures: Callable[[], AbstractSet[str]]
