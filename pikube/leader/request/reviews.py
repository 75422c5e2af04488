"""Pure: the kinds that are asked and never stored: who am I, may I, is this token good.

Enter: the review document and who asks. Leaves: the document with its status. Called by the handler.
"""

from __future__ import annotations

from typing import Any

from pikube.api.errors import BadRequest, Invalid, MethodNotAllowed, Unauthorized
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
from pikube.api.validation.causes import invalid
from pikube.leader.request.authn import API_AUDIENCES, TokenReader, with_group
from pikube.leader.request.authz import Authorizer
from pikube.leader.request.context import MASTERS, User
from pikube.leader.request.node_authorizer import node_of
from pikube.leader.request.rbac import Rbac
from pikube.leader.request.route import Route
from pikube.leader.request.rule_cover import aggregate

NO_RULES_OF_NODES = "node authorizer does not support user rule resolution"


class Reviewer:
    """Implements the handler's Review."""

    def __init__(self, rbac: Rbac, authorizer: Authorizer, read_token: TokenReader) -> None:
        self._rbac = rbac
        self._authorizer = authorizer
        self._read_token = read_token

    def __call__(self, info: KindInfo, route: Route, body: Any, user: User) -> Any:
        """The answered review."""
        match body:
            case SelfSubjectReview():
                body.status = SelfSubjectReviewStatus(user_info=info_of(user))
            case TokenReview():
                body.status = self._token_status(body)
            case SelfSubjectAccessReview():
                _check_wish(info, body.spec)
                body.status = self._access(body.spec, user)
            case SubjectAccessReview() | LocalSubjectAccessReview():
                spec = body.spec
                _check_subject(info, spec)
                if isinstance(body, LocalSubjectAccessReview):
                    _check_local(info, body, route.namespace)
                extra = {key: tuple(values) for key, values in spec.extra.items()}
                body.status = self._access(spec, User(spec.user, spec.groups, spec.uid, extra))
            case SelfSubjectRulesReview():
                if not body.spec.namespace:
                    raise BadRequest("no namespace on request")
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
        if not self._authorizer.may(user, route):
            return SubjectAccessReviewStatus(allowed=False, reason=self._authorizer.why_not(user, route))
        return SubjectAccessReviewStatus(allowed=True, reason=self._rbac.reason(user, route) or "")

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
            resource_rules=tuple(resource_rules),
            non_resource_rules=tuple(path_rules),
            incomplete=bool(node_of(user)),
            evaluation_error=NO_RULES_OF_NODES if node_of(user) else "",
        )

    def _token_status(self, body: TokenReview) -> TokenReviewStatus:
        if not body.spec.token:
            raise BadRequest("token is required for TokenReview in authentication")
        try:
            user, audiences = self._read_token(body.spec.token, body.spec.audiences or API_AUDIENCES)
        except Unauthorized as error:
            return TokenReviewStatus(error=aggregate(filter(None, ("invalid bearer token", error.why))))
        return TokenReviewStatus(authenticated=True, user=info_of(with_group(user)), audiences=audiences)


def _check_wish(info: KindInfo, spec: Any) -> None:
    """Exactly one of both kinds of wishes (kubernetes pkg/apis/authorization/validation)."""
    if (spec.resource_attributes is None) == (spec.non_resource_attributes is None):
        field = (
            "spec.resourceAttributes" if spec.resource_attributes is None else "spec.nonResourceAttributes"
        )
        words = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise Invalid.of(info.names.kind, info.names.group, "", [invalid(field, None, words)])


def _check_subject(info: KindInfo, spec: Any) -> None:
    _check_wish(info, spec)
    if not spec.user and not spec.groups:
        causes = [invalid("spec.user", spec.user, "at least one of user or group must be specified")]
        raise Invalid.of(info.names.kind, info.names.group, "", causes)


def _check_local(info: KindInfo, body: LocalSubjectAccessReview, namespace: str) -> None:
    wish = body.spec.resource_attributes
    if wish is None:
        causes = [invalid("spec.nonResourceAttributes", None, "disallowed on this kind of request")]
        raise Invalid.of(info.names.kind, info.names.group, "", causes)
    if wish.namespace != namespace:
        causes = [
            invalid("spec.resourceAttributes.namespace", wish.namespace, "must match metadata.namespace")
        ]
        raise Invalid.of(info.names.kind, info.names.group, "", causes)


def info_of(user: User) -> UserInfo:
    """The UserInfo of a user."""
    return UserInfo(
        username=user.name,
        uid=user.uid,
        groups=user.groups,
        extra={key: tuple(values) for key, values in user.extra.items()},
    )
