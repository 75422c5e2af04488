"""`kubectl auth` and roles, as administrators use them."""

from test_walkthrough import kubectls

ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: NAMESPACE}
rules:
  - {apiGroups: [""], resources: [configmaps], verbs: [get]}
"""


def test_roles_are_given_checked_and_reconciled(board, namespace):
    here = ("-n", namespace)
    board.kubectl(*here, "create", "rolebinding", "jane", "--clusterrole=edit", "--user=jane")
    jane = ("--as=jane", "--as-group=dev")
    for program in kubectls():
        assert board.kubectl(*here, "auth", "can-i", "create", "deploy", *jane, program=program) == "yes\n"
    no = board.kubectl(*here, "auth", "can-i", "create", "roles", *jane, check=False)
    assert (no.returncode, no.stdout) == (1, "no\n")
    listed = board.kubectl(*here, "auth", "can-i", "--list", *jane)
    assert "deployments.apps" in listed and "selfsubjectaccessreviews.authorization.k8s.io" in listed
    assert "/healthz" in listed
    assert "jane" in board.kubectl("auth", "whoami", *jane)
    whoami = " ".join(board.kubectl("auth", "whoami").split())
    assert "authentication.kubernetes.io/credential-id [X509SHA256=" in whoami
    role = ROLE.replace(
        "NAMESPACE", namespace
    )  # kubectl reconciles where the manifest says, not where -n says
    board.kubectl("auth", "reconcile", "-f", "-", text_in=role)
    more = role.replace("[get]", "[get, list]")
    assert "reconciled" in board.kubectl("auth", "reconcile", "-f", "-", text_in=more)
    verbs = {verb for rule in board.get("role", "reader", *here)["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list"}
    refused = board.kubectl(*here, "create", "secret", "generic", "s", "--as=bob", check=False)
    assert refused.stderr.strip().endswith(
        'secrets is forbidden: User "bob" cannot create resource "secrets" in API group "" in the namespace '
        f'"{namespace}"'
    )
