"""Pure: the leader's own metrics: store, work queues, informers, scheduler, by Kubernetes' names where there is one.

Enter: the statistics of its parts. Leave: families. Called by /metrics, when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pikube.informer.informer import InformerStatistics
from pikube.informer.queue import QueueStatistics
from pikube.leader.scheduler.scheduler import SchedulerStatistics
from pikube.leader.store.contract import StoreStatistics
from pikube.wire.prometheus import Family


@dataclass(frozen=True, slots=True)
class LeaderStatistics:
    """Everything at one moment."""

    store: StoreStatistics
    queues: Mapping[str, QueueStatistics]
    informers: tuple[InformerStatistics, ...]
    scheduler: SchedulerStatistics
    events_dropped: int


def own_families(seen: LeaderStatistics, version: Mapping[str, str]) -> list[Family]:
    """In the order in which they are printed."""
    build = Family(
        "kubernetes_build_info", "gauge", "[ALPHA] A metric with a constant '1' value labeled by version."
    )
    build.add(1, {"git_version": version["gitVersion"], "major": version["major"], "minor": version["minor"]})
    return [
        build,
        *_store(seen.store),
        *_queues(seen.queues.items()),
        *_informers(seen.informers),
        *_scheduler(seen.scheduler),
        _single(
            "pikube_events_dropped_total", "counter", "Events that could not be kept up with.",
            seen.events_dropped,
        ),
    ]  # fmt: skip


def _store(store: StoreStatistics) -> list[Family]:
    objects = Family(
        "apiserver_resource_objects", "gauge",
        "[STABLE] Number of stored objects at the time of last check split by kind.",
    )  # fmt: skip
    for resource, count in sorted(store.objects.items()):
        group, _, plural = resource.rpartition("/")
        objects.add(count, {"group": group, "resource": plural})
    commits = Family("pikube_store_commit_seconds", "summary", "Durable transactions and their time.")
    commits.add(store.commit_time_s, suffix="_sum")
    commits.add(store.commits, suffix="_count")
    return [
        objects,
        _single("apiserver_storage_size_bytes", "gauge",
                "[STABLE] Size of the storage database file physically allocated in bytes.", store.file_bytes),
        _single("pikube_store_revision", "gauge", "The newest revision.", store.revision),
        _single("pikube_store_object_bytes", "gauge", "All objects together, as JSON.", store.object_bytes),
        _single("pikube_store_history_events", "gauge", "Changes that a watch may still begin from.",
                store.history_events),
        _single("pikube_store_history_bytes", "gauge", "Memory of these changes.", store.history_bytes),
        _single("apiserver_registered_watchers", "gauge",
                "[ALPHA] Number of currently registered watchers for a given resources", store.watchers),
        _single("apiserver_terminated_watchers_total", "counter",
                "[ALPHA] Counter of watchers closed due to unresponsiveness.", store.watchers_expired),
        _single("pikube_store_pending_writes", "gauge", "Writes that wait for a transaction.",
                store.pending_writes),
        commits,
        _single("pikube_store_commit_failures_total", "counter", "Transactions that failed.",
                store.commit_failures),
    ]  # fmt: skip


def _queues(queues: Iterable[tuple[str, QueueStatistics]]) -> list[Family]:
    depth = Family("workqueue_depth", "gauge", "[BETA] Current depth of workqueue")
    adds = Family("workqueue_adds_total", "counter", "[BETA] Total number of adds handled by workqueue")
    retries = Family(
        "workqueue_retries_total", "counter", "[BETA] Total number of retries handled by workqueue"
    )
    working = Family("pikube_workqueue_processing", "gauge", "Keys that are being worked on.")
    delayed = Family("pikube_workqueue_delayed", "gauge", "Keys that wait for their time.")
    failing = Family("pikube_workqueue_failing", "gauge", "Keys whose last attempt failed.")
    for name, queue in queues:
        labels = {"name": name}
        depth.add(queue.waiting, labels)
        adds.add(queue.adds, labels)
        retries.add(queue.retries, labels)
        working.add(queue.processing, labels)
        delayed.add(queue.delayed, labels)
        failing.add(queue.retrying, labels)
    return [depth, adds, retries, working, delayed, failing]


def _informers(informers: Iterable[InformerStatistics]) -> list[Family]:
    objects = Family("pikube_informer_objects", "gauge", "Objects in the cache of a kind.")
    revision = Family("pikube_informer_revision", "gauge", "Up to which revision a cache is true.")
    synced = Family("pikube_informer_synced", "gauge", "1 once the first list is in the cache.")
    for informer in informers:
        labels = {"kind": informer.kind}
        objects.add(informer.objects, labels)
        revision.add(informer.revision, labels)
        synced.add(int(informer.is_synced), labels)
    return [objects, revision, synced]


def _scheduler(scheduler: SchedulerStatistics) -> list[Family]:
    attempts = Family(
        "scheduler_schedule_attempts_total", "counter",
        "[STABLE] Number of attempts to schedule pods, by the result.",
    )  # fmt: skip
    profile = {"profile": "default-scheduler"}
    attempts.add(scheduler.bound, {**profile, "result": "scheduled"})
    attempts.add(scheduler.failed_attempts, {**profile, "result": "unschedulable"})
    pending = Family("scheduler_pending_pods", "gauge", "[STABLE] Number of pending pods, by the queue type.")
    pending.add(scheduler.waiting, {"queue": "active"})
    return [attempts, pending]


def _single(name: str, type_: str, words: str, value: float) -> Family:
    family = Family(name, type_, words)
    family.add(value)
    return family
