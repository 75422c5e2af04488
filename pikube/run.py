"""Shell: the nursery tree: builds every long-lived object, hands them to each other, orders start and stop.

    store
    └── netproxy, informers, recorder
        ├── controllers, scheduler
        ├── API server
        └── agent: runtime → node, pods, kubelet API

What stops last is outermost. `main_leader` is what the command line calls.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from functools import partial

import trio

from pikube import __version__
from pikube.agent.agent import read_resolv_conf
from pikube.agent.cluster_memory import ClusterMemory
from pikube.api.errors import ServiceUnavailable
from pikube.api.kinds.core_config import Namespace
from pikube.api.kinds.core_node import Node
from pikube.api.kinds.core_pod import Pod
from pikube.api.kinds.core_storage import PersistentVolumeClaim
from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.certs.authority import split_bundle
from pikube.certs.clock import BoardClock, last_write
from pikube.certs.enrolment import ClusterDocument, ClusterSettings
from pikube.certs.leader import LeaderCertificates
from pikube.certs.profiles import FRONT_PROXY
from pikube.cli.failure import StartupError
from pikube.config import Settings
from pikube.heap import give_back
from pikube.informer.cache import ObjectKey
from pikube.informer.informer import Informers
from pikube.informer.loop import ControllerLoop, run_loops
from pikube.informer.recorder import Recorder
from pikube.leader.announcing import make_announcer
from pikube.leader.api_services import make_api_services
from pikube.leader.archive import UNFINISHED
from pikube.leader.backup_desk import BackupDesk, WriteDatabase, remove_parts
from pikube.leader.board_keys import while_they_may
from pikube.leader.bootstrap import make_first_objects
from pikube.leader.ca_rotation import CaRotation
from pikube.leader.control_plane import (
    ControlPlane,
    build_control_plane,
    describer,
    ephemeral_resources,
    make_scheme,
    stored_kinds,
)
from pikube.leader.controllers.all import all_controllers
from pikube.leader.election import Election
from pikube.leader.encryption_file import load_encryption
from pikube.leader.enrolment import Enrolment
from pikube.leader.event_keeper import EventKeeper
from pikube.leader.flow_keeper import FlowKeeper
from pikube.leader.joining import Joining, JoiningParts
from pikube.leader.kubelets import Kubelets
from pikube.leader.manifests import Manifests
from pikube.leader.metrics.api import MetricsApi
from pikube.leader.metrics.boards import BoardMetrics
from pikube.leader.metrics.own import LeaderStatistics, own_families
from pikube.leader.pairing import PairingOffice
from pikube.leader.request.desks import Desks
from pikube.leader.request.documents import version_info
from pikube.leader.request.node_graph import NodeGraph
from pikube.leader.request.streams import NodeStreams
from pikube.leader.request.turns import Turns
from pikube.leader.role_reconciler import reconcile_roles
from pikube.leader.scheduler.scheduler import Scheduler
from pikube.leader.static_tokens import BadTokenFile
from pikube.leader.store.contract import StoreUnusable
from pikube.leader.store.sqlite import open_sqlite_store
from pikube.leader.upkeep import Upkeep, UpkeepParts
from pikube.netproxy.netproxy import Netproxy
from pikube.notify import notify
from pikube.program import cancel_on_signal, check_root, run_until_signal
from pikube.run_board import BoardParts, run_board
from pikube.watchdog import answers_on, feed_watchdog
from pikube.wire.addresses import OwnAddress
from pikube.wire.process import process_families
from pikube.wire.prometheus import render
from pikube.wire.server import listen, serve

log = logging.getLogger("pikube")


def main_leader(settings: Settings) -> None:
    """Run the leader until SIGTERM or SIGINT. Raises StartupError."""
    if not settings.no_agent:
        check_root("the leader runs pods on this board and must be root for that: use sudo, or --no-agent")
    run_until_signal(leader, settings, (StoreUnusable, ServiceUnavailable))  # the second: its disk is full


async def leader(settings: Settings) -> None:
    """Everything a leader is, inside out; returns when told to stop."""
    address = OwnAddress(settings.node_ip)
    clock = leader_clock(settings)
    if (settings.data / UNFINISHED).exists():
        raise StartupError("a restore on this board was cut off: run `pikube restore FILE` again")
    try:
        settings.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_parts(settings.database.parent)
        certificates = LeaderCertificates(settings, address(), clock)
    except OSError as error:
        raise StartupError(
            f"the data directory {settings.data_dir} cannot be used: {error.strerror or error}"
        ) from None
    except ValueError as error:
        raise StartupError(str(error)) from None
    try:
        listeners = await listen(settings.bind_address, settings.https_listen_port)
    except OSError as error:
        raise StartupError(
            f"port {settings.https_listen_port} on this board cannot be used ({error.strerror}): stop the program "
            "that has it, or choose --https-listen-port"
        ) from None
    scheme = make_scheme()
    checks: dict[str, Callable[[], str]] = {
        "ping": str,
        "log": str,
        "etcd": lambda: "the store is not open yet",
    }
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel_on_signal, nursery.cancel_scope)
        nursery.start_soon(give_back)
        async with open_sqlite_store(
            settings.database,
            describe=describer(scheme),
            ephemeral=ephemeral_resources(scheme),
            encryption=load_encryption(settings.encryption_provider_config, stored_kinds(scheme)),
        ) as store:
            checks["etcd"] = str  # by the name that monitors ask for
            try:
                plane = build_control_plane(
                    scheme,
                    store,
                    certificates.signer,
                    settings,
                    f"{address()}:{settings.https_listen_port}",
                    lambda: {name: check() for name, check in checks.items()},
                    clock,
                )
            except BadTokenFile as error:
                raise StartupError(str(error)) from None
            try:
                await run_control_plane(
                    settings, plane, certificates, listeners, address, clock, store.backup, checks
                )
            finally:
                await plane.aclose()
    notify("STOPPING=1")


async def run_control_plane(
    settings: Settings,
    plane: ControlPlane,
    certificates: LeaderCertificates,
    listeners: Sequence[trio.SocketListener],
    address: OwnAddress,
    clock: BoardClock,
    write_database: WriteDatabase,
    checks: dict[str, Callable[[], str]],
) -> None:
    """Controllers, the API and this board's agent, on an open store; until cancelled."""
    client = plane.client
    port = settings.https_listen_port
    volumes = str(settings.data / "storage")
    await make_first_objects(
        client, settings.kubernetes_service_ip, [address()], port, volumes, settings.cluster_dns
    )
    await reconcile_roles(client)
    await make_api_services(client, plane.scheme)
    informers = Informers(client)
    recorder = Recorder(client)
    checks["informer-sync"] = lambda: _unsynced(informers)
    kubelets = Kubelets(informers.cache(Node), certificates.to_kubelets)
    boards = BoardMetrics(kubelets.find)
    controllers = all_controllers(
        [info.cls for info in stored_kinds(plane.scheme).values() if "create" in info.verbs],
        served=plane.scheme,
        monotonic=trio.current_time,
        boards=boards,
        cluster_cidr=settings.cluster_cidr,
        head_of=plane.custom_kinds.head_of,
        find_scale=plane.find_scale,
        sign=certificates.issuer.sign_as_asked,
        sign_token=plane.tokens.lasting,
        ca_certificates=lambda: certificates.issuer.bundle.decode(),
        lb_pool=settings.lb_pool,
        served_ports={("TCP", port): "the API", ("TCP", settings.kubelet_port): "the kubelet API"},
        local_node="" if settings.no_agent else settings.node_name,
        node_grace_s=settings.node_monitor_grace_period,
    )
    loops = [ControllerLoop(controller, client, informers, recorder) for controller in controllers]
    informers.of(CustomResourceDefinition).subscribe(plane.custom_kinds.changed)
    for loop in loops:
        plane.custom_kinds.subscribe(loop.add_kind)
    scheduler = Scheduler(client, informers, recorder)
    async with trio.open_nursery() as nursery:
        netproxy = None
        if not settings.no_agent:
            netproxy = Netproxy(informers, settings, read_resolv_conf()[0])
            nursery.start_soon(netproxy.run)
        await nursery.start(recorder.run)
        nursery.start_soon(EventKeeper(plane.registry.store).run)
        nursery.start_soon(FlowKeeper(client).run)
        await nursery.start(informers.run)
        holder = f"{settings.node_name}_{uuid.uuid4()}"
        await nursery.start(Election(client, "kube-scheduler", holder).run, scheduler.run)
        await nursery.start(
            Election(client, "kube-controller-manager", holder).run, partial(run_loops, loops)
        )
        await nursery.start(address.run)
        cluster_id = (await client.get(Namespace, "kube-system")).metadata.uid
        joining = Joining(
            JoiningParts(
                client=client,
                issuer=certificates.issuer,
                document=lambda: _document(settings, certificates, cluster_id, address(), clock()),
                leader_names=lambda: certificates.names,
                leader_node="" if settings.no_agent else settings.node_name,
                wall_clock=clock,
            )
        )
        upkeep = Upkeep(UpkeepParts(settings, client, certificates, address, clock))
        rotation = CaRotation(certificates, informers.of(Node), upkeep.poke)
        office = PairingOffice(lambda: certificates.issuer.bundle, joining.admit_paired, joining.node)
        backup = BackupDesk(write_database, settings, cluster_id)
        aggregator = plane.aggregator(certificates.directory.leaf_file(FRONT_PROXY), clock)
        await nursery.start(aggregator.run)
        turns = Turns()
        await nursery.start(turns.run)
        api = plane.handler(
            NodeStreams(plane.registry, plane.scheme, kubelets.find),
            MetricsApi(plane.registry, plane.scheme, boards),
            Desks(
                {
                    "pairings": office,
                    "certs": rotation,
                    "backup": backup,
                }
            ),
            NodeGraph(informers.cache(Pod), informers.cache(PersistentVolumeClaim)),
            lambda: _metrics(plane, loops, informers, scheduler, recorder),
            turns,
            aggregator,
        )
        doors = {**joining.doors(), **office.doors()}
        await nursery.start(Manifests(settings.data / "manifests", api).run)
        informers.of(Node).subscribe(plane.keys.changed)
        plane.one_machine.told = lambda name, words: _tell_of_copy(informers, recorder, name, words)
        door = Enrolment(while_they_may(api, plane.keys), doors)
        await nursery.start(serve, door, listeners, certificates.api)
        if not settings.no_discovery:
            announcer = await make_announcer(
                client, settings, lambda: split_bundle(certificates.issuer.bundle)
            )
            await nursery.start(announcer.run)
            upkeep.announce = announcer.refresh_nowait
        await nursery.start(upkeep.run)
        await nursery.start(rotation.run)
        log.info("event=api_ready url=https://%s:%d", address(), port)
        nursery.start_soon(feed_watchdog, answers_on(settings.bind_address, port))
        if netproxy is None:
            notify("READY=1")
            await trio.sleep_forever()
        memory = ClusterMemory(None)
        board = BoardParts(client, informers, settings, address, certificates.kubelet, netproxy, True, memory)
        agent = await nursery.start(run_board, board)
        kubelets.local[settings.node_name] = agent.kubelet
        notify("READY=1")


def _unsynced(informers: Informers) -> str:
    """Why not all caches can be relied on; '' when they can."""
    behind = [seen.kind for seen in informers.statistics() if not seen.is_synced]
    return f"{len(behind)} caches not filled yet: {', '.join(behind)}" if behind else ""


def _metrics(
    plane: ControlPlane,
    loops: Sequence[ControllerLoop],
    informers: Informers,
    scheduler: Scheduler,
    recorder: Recorder,
) -> bytes:
    """The leader's /metrics."""
    seen = LeaderStatistics(
        store=plane.registry.store.statistics(),
        queues={loop.controller.name: loop.queue.statistics() for loop in loops},
        informers=informers.statistics(),
        scheduler=scheduler.statistics(),
        events_dropped=recorder.dropped,
    )
    families = [*plane.counts.families(), *own_families(seen, version_info()), *process_families()]
    return render(families)


def _tell_of_copy(informers: Informers, recorder: Recorder, name: str, words: str) -> None:
    """People look at a node's events."""
    node = informers.cache(Node).get(ObjectKey("", name))
    if node is not None:
        recorder.record("node-controller", node, "Warning", "CardCopied", words)


def leader_clock(settings: Settings) -> BoardClock:
    """Never earlier than what this leader has written."""
    database = settings.database
    files = (database, database.with_name(f"{database.name}-wal"), settings.certificates / "ca.crt")
    return BoardClock(last_write(files))


def _document(
    settings: Settings, certificates: LeaderCertificates, cluster_id: str, address: str, now: float
) -> ClusterDocument:
    """What the cluster says of itself to boards."""
    return ClusterDocument(
        cluster=settings.cluster_name,
        id=cluster_id,
        ca=certificates.issuer.bundle.decode(),
        servers=(f"https://{address}:{settings.https_listen_port}",),
        version=__version__,
        time=now,
        settings=ClusterSettings(
            cluster_cidr=settings.cluster_cidr,
            service_cidr=settings.service_cidr,
            cluster_dns=settings.cluster_dns,
            cluster_domain=settings.cluster_domain,
        ),
    )
