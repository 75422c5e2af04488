"""Shell: POST to pods/eviction: a pod is deleted unless its PodDisruptionBudget forbids it now.

Enter: the pod, the Eviction. Leaves: a Status. Called by subresources.py. Source: kubernetes
pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from pikube.api.errors import ApiError, Cause, Forbidden, InternalError, TooManyRequests
from pikube.api.kinds.core_pod import Pod, PodCondition
from pikube.api.kinds.meta import Status
from pikube.api.kinds.policy import Eviction, PodDisruptionBudget
from pikube.api.options import check_delete_options
from pikube.api.scheme import KindInfo, Scheme
from pikube.api.selector import from_label_selector
from pikube.api.times import render_time
from pikube.leader.controllers.conditions import condition_of, with_condition
from pikube.leader.request.context import Context, DeleteWish
from pikube.leader.request.deletion import check_preconditions
from pikube.leader.request.node_restriction import check_eviction
from pikube.leader.request.registry import Registry
from pikube.leader.store.contract import Item

VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
MOST_DISRUPTED = 2000  # kubernetes MaxDisruptedPodSize
BUSY_RETRY_S = 10


class Evictor:
    """Acts through the registry, so that a dry run and preconditions hold as for a DELETE."""

    def __init__(self, registry: Registry, scheme: Scheme) -> None:
        self._registry = registry
        self._budgets = scheme.by_class(PodDisruptionBudget)

    async def evict(
        self, info: KindInfo, namespace: str, name: str, eviction: Eviction, context: Context
    ) -> Status:
        """Raises TooManyRequests when a budget forbids it, ApiErrors of a DELETE; an eviction of another pod of the
        name costs the budget nothing."""
        if eviction.delete_options is not None:
            check_delete_options(eviction.delete_options)
            if eviction.delete_options.dry_run:  # as `kubectl drain --dry-run=server` says it
                context = replace(context, dry_run=True)
        pod: Pod = self._registry.decode(info, self._registry.get(info, namespace, name))
        check_eviction(context.user, pod)
        wish, meta = _wish(eviction), pod.metadata
        check_preconditions(meta.name, meta.uid, meta.resource_version, wish, info.resource)
        if not _needs_no_budget(pod):
            wish = await self._ask_budget(namespace, pod, wish, context)
        if not context.dry_run:
            wish = await self._tell(info, namespace, pod, wish, context)
        await self._registry.delete(info, namespace, name, wish, context)
        return Status(status="Success", code=201)

    async def _ask_budget(self, namespace: str, pod: Pod, wish: DeleteWish, context: Context) -> DeleteWish:
        """The wish, held to this revision where the pod's being unhealthy is what allows it."""
        budgets = self._budgets_of(namespace, pod)
        if len(budgets) > 1:
            raise InternalError(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            )
        for budget in budgets:
            if not _is_ready(pod) and pod.status.phase == "Running" and _lets_unhealthy_go(budget):
                return replace(wish, resource_version=pod.metadata.resource_version)
            await self._registry.change(
                self._budgets,
                namespace,
                budget.metadata.name,
                lambda item: minus_one(self._registry.decode(self._budgets, item), pod, context),
                context,
                subresource="status",
            )
        return wish

    def _budgets_of(self, namespace: str, pod: Pod) -> list[PodDisruptionBudget]:
        items = self._registry.store.list(self._budgets.names.resource, namespace).items
        budgets = [self._registry.decode(self._budgets, item) for item in items]
        return [b for b in budgets if from_label_selector(b.spec.selector).matches(pod.metadata.labels)]

    async def _tell(
        self, info: KindInfo, namespace: str, pod: Pod, wish: DeleteWish, context: Context
    ) -> DeleteWish:
        """Say on the pod why it goes; the wish, which then means the revision that this made."""

        def marked(item: Item) -> Pod:
            found: Pod = self._registry.decode(info, item)
            condition = PodCondition(
                type="DisruptionTarget",
                status="True",
                last_transition_time=render_time(context.now),
                reason="EvictionByEvictionAPI",
                message="Eviction API: evicting",
            )
            found.status.conditions = with_condition(found.status.conditions, condition)
            return found

        item, _ = await self._registry.change(
            info, namespace, pod.metadata.name, marked, context,
            subresource="status", expected=wish.resource_version,
        )  # fmt: skip
        return replace(wish, resource_version=str(item.revision)) if wish.resource_version else wish


def _wish(eviction: Eviction) -> DeleteWish:
    options = eviction.delete_options
    if options is None:
        return DeleteWish()
    preconditions = options.preconditions
    return DeleteWish(
        grace_period_s=options.grace_period_seconds,
        propagation=options.propagation_policy or "",
        uid=(preconditions.uid or "") if preconditions else "",
        resource_version=(preconditions.resource_version or "") if preconditions else "",
    )


def _needs_no_budget(pod: Pod) -> bool:
    """It serves nobody: not yet, no more, or about to go (canIgnorePDB)."""
    return pod.status.phase in ("Succeeded", "Failed", "Pending") or bool(pod.metadata.deletion_timestamp)


def _is_ready(pod: Pod) -> bool:
    condition = condition_of(pod.status.conditions, "Ready")
    return condition is not None and condition.status == "True"


def _lets_unhealthy_go(budget: PodDisruptionBudget) -> bool:
    """AlwaysAllow, or the budget is met by others all the same."""
    status = budget.status
    if budget.spec.unhealthy_pod_eviction_policy == "AlwaysAllow":
        return True
    return status.current_healthy >= status.desired_healthy > 0


def minus_one(budget: PodDisruptionBudget, pod: Pod, context: Context) -> PodDisruptionBudget:
    """The budget with one disruption taken. Raises TooManyRequests, Forbidden."""
    status, name = budget.status, budget.metadata.name
    if status.observed_generation < budget.metadata.generation:
        words = f"The disruption budget {name} is still being processed by the server."
        raise _refused(words, BUSY_RETRY_S)
    if status.disruptions_allowed < 0:
        raise _forbidden(name, "pdb disruptions allowed is negative")
    if len(status.disrupted_pods) > MOST_DISRUPTED:
        raise _forbidden(
            name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        )
    if not status.disruptions_allowed:
        condition = condition_of(status.conditions, "DisruptionAllowed")
        if condition is not None and condition.reason == "SyncFailed":
            words = (
                f"The disruption budget {name} does not allow evicting pods currently because it failed sync: "
                f"{condition.message}"
            )
            raise _refused(words)
        raise _refused(
            f"The disruption budget {name} needs {status.desired_healthy} healthy pods "
            f"and has {status.current_healthy} currently"
        )
    allowed = status.disruptions_allowed - 1
    condition = condition_of(status.conditions, "DisruptionAllowed")
    conditions = status.conditions
    if not allowed and condition is not None:
        spent = structs.replace(
            condition,
            status="False",
            reason="InsufficientPods",
            last_transition_time=render_time(context.now),
        )
        conditions = with_condition(conditions, spent)
    disrupted = {**status.disrupted_pods, pod.metadata.name: render_time(context.now)}
    budget.status = structs.replace(
        status, disruptions_allowed=allowed, disrupted_pods=disrupted, conditions=conditions
    )
    return budget


def _refused(detail: str, retry_s: int = 0) -> ApiError:
    return TooManyRequests(VIOLATES, causes=[Cause("DisruptionBudget", detail)], retry_after_s=retry_s)


def _forbidden(name: str, words: str) -> ApiError:
    return Forbidden(f'poddisruptionbudget "{name}" is forbidden: {words}')
