"""Pure: the kinds that are asked and never stored: who am I, may I, is this token good.

Enter: the review document and who asks. Leaves: the document with its status. Called by the handler.
"""

from __future__ import annotations

from typing import Any

from pikube.api.errors import ApiError, MethodNotAllowed
from pikube.api.kinds.authentication import (
    SelfSubjectReview,
    SelfSubjectReviewStatus,
    TokenReview,
    TokenReviewStatus,
    UserInfo,
)
from pikube.api.kinds.authorization import (
    LocalSubjectAccessReview,
    NonResourceRule,
    ResourceRule,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    SubjectAccessReviewStatus,
    SubjectRulesReviewStatus,
)
from pikube.api.scheme import KindInfo
from pikube.leader.request.authn import TokenReader, with_group
from pikube.leader.request.context import MASTERS, User
from pikube.leader.request.rbac import Rbac
from pikube.leader.request.route import Route


class Reviewer:
    """Implements the handler's Review."""

    def __init__(self, rbac: Rbac, read_token: TokenReader) -> None:
        self._rbac = rbac
        self._read_token = read_token

    def __call__(self, info: KindInfo, route: Route, body: Any, user: User) -> Any:
        """The answered review."""
        match body:
            case SelfSubjectReview():
                body.status = SelfSubjectReviewStatus(user_info=info_of(user))
            case TokenReview():
                body.status = self._token_status(body.spec.token)
            case SelfSubjectAccessReview():
                body.status = self._access(body.spec, user)
            case SubjectAccessReview() | LocalSubjectAccessReview():
                spec = body.spec
                body.status = self._access(spec, User(spec.user, spec.groups, spec.uid))
            case SelfSubjectRulesReview():
                body.status = self._rules(user, body.spec.namespace)
            case _:
                raise MethodNotAllowed()
        return body

    def _access(self, spec: Any, user: User) -> SubjectAccessReviewStatus:
        wish = spec.resource_attributes
        if wish is not None:
            route = Route(
                wish.verb, "", True, wish.group, wish.version, wish.namespace, wish.resource, wish.name,
                wish.subresource,
            )  # fmt: skip
        else:
            path = spec.non_resource_attributes
            route = Route(path.verb if path else "", path.path if path else "")
        return SubjectAccessReviewStatus(allowed=self._rbac.may(user, route))

    def _rules(self, user: User, namespace: str) -> SubjectRulesReviewStatus:
        resource_rules: list[ResourceRule] = []
        path_rules: list[NonResourceRule] = []
        if MASTERS in user.groups:
            every = ("*",)
            resource_rules.append(ResourceRule(verbs=every, api_groups=every, resources=every))
            path_rules.append(NonResourceRule(verbs=every, non_resource_urls=every))
        for rule in self._rbac.rules_for(user, namespace):
            if rule.non_resource_urls:
                path_rules.append(NonResourceRule(verbs=rule.verbs, non_resource_urls=rule.non_resource_urls))
            else:
                resource_rules.append(
                    ResourceRule(
                        verbs=rule.verbs,
                        api_groups=rule.api_groups,
                        resources=rule.resources,
                        resource_names=rule.resource_names,
                    )
                )
        return SubjectRulesReviewStatus(
            resource_rules=tuple(resource_rules), non_resource_rules=tuple(path_rules), incomplete=False
        )

    def _token_status(self, token: str) -> TokenReviewStatus:
        try:
            user = with_group(self._read_token(token))
        except ApiError as error:
            return TokenReviewStatus(error=f"invalid bearer token: {error.message}")
        return TokenReviewStatus(authenticated=True, user=info_of(user))


def info_of(user: User) -> UserInfo:
    """The UserInfo of a user."""
    return UserInfo(
        username=user.name,
        uid=user.uid,
        groups=user.groups,
        extra={key: tuple(values) for key, values in user.extra.items()},
    )
