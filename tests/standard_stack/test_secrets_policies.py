"""Who may do what in Vault, path by path and verb by verb."""

from __future__ import annotations

import json

import pytest

from components.standard_stack.secrets import policies
from tests.standard_stack.vault_acl import Acl, Kv, Login, matches

ACCESSOR, OTHER_ACCESSOR = "auth_kubernetes_1a2b3c4d", "auth_kubernetes_9f8e7d6c"
CHECKOUT = Login(ACCESSOR, "default", "checkout")
WORKLOAD = policies.document(policies.workload("kv", "prod-eks", ACCESSOR))
DEVELOPER = policies.document(policies.developer("kv", "prod-eks", list_names=False))
LISTING = policies.document(policies.developer("kv", "prod-eks", list_names=True))
CERT_MANAGER = policies.document(policies.certificates("pki", "kubernetes"))
OWN = "prod-eks/default/checkout"


def policy(**rules: list[str]) -> str:
    return json.dumps({"path": {path: {"capabilities": rule} for path, rule in rules.items()}})


class TestTheEvaluator:
    """The tests below mean something only if it judges as Vault documents it."""

    def test_the_examples_of_vault_s_documentation(self) -> None:
        assert matches("secret/bar/*", "secret/bar/zip/zap") and not matches("secret/bar/*", "secret/bars/zip")
        assert matches("secret/zip-*", "secret/zip-zap/zong") and not matches("secret/zip-*", "secret/zip/zap")
        assert matches("secret/+/teamb", "secret/foo/teamb") and not matches("secret/+/teamb", "secret/foo/bar/teamb")
        assert not matches("secret/foo", "secret/food") and not matches("secret/foo", "secret/foo/bar")

    @pytest.mark.parametrize(
        ("higher", "lower"),
        [
            ("secret/foo/*", "secret/*"),
            ("secret/foo", "secret/fo*"),
            ("secret/*", "secret/+/+/foo/*"),
            ("secret/+/x", "secret/+/*"),
        ],
    )
    def test_of_two_patterns_one_counts_alone(self, higher: str, lower: str) -> None:
        path = higher.replace("+", "a").replace("*", "a/a/foo/a") if "*" in higher else higher.replace("+", "a")
        both = Acl([policy(**{higher: ["read"], lower: ["update"]})])
        assert matches(higher, path) and matches(lower, path)
        assert both.allows("read", path) and not both.allows("update", path)

    def test_the_same_pattern_in_two_policies_has_the_capabilities_of_both_unless_one_denies(self) -> None:
        assert Acl([policy(**{"a/*": ["read"]}), policy(**{"a/*": ["update"]})]).allows("update", "a/b")
        assert not Acl([policy(**{"a/*": ["read"]}), policy(**{"a/*": ["deny"]})]).allows("read", "a/b")

    def test_what_nobody_allows_is_denied(self) -> None:
        assert not Acl([]).allows("read", "sys/health")


class TestDevelopers:
    def test_put_a_secret_where_none_is_and_can_do_nothing_else_there(self) -> None:
        assert Kv(Acl([DEVELOPER]), "kv").allowed(OWN) == {"put"}

    def test_neither_read_nor_change_nor_delete_what_is_there_or_was(self) -> None:
        assert Kv(Acl([DEVELOPER]), "kv", stored=[OWN]).allowed(OWN) == set()

    def test_see_names_alone_where_the_stack_file_lets_them(self) -> None:
        assert Kv(Acl([LISTING]), "kv", stored=[OWN]).allowed(OWN) == {"list"}
        assert Acl([LISTING]).allows("list", "kv/metadata/prod-eks/")
        assert not Acl([LISTING]).allows("list", "kv/metadata/prod-gke/")

    @pytest.mark.parametrize("path", ["prod-gke/default/checkout", "prod-eks-2/default/checkout", "prod-eks"])
    def test_can_do_nothing_in_another_cluster_s_path(self, path: str) -> None:
        assert Kv(Acl([LISTING]), "kv").allowed(path) == set()

    def test_can_t_read_here_by_a_wider_policy_that_they_have_beside(self) -> None:
        both = Acl([DEVELOPER, policy(**{"kv/*": ["read", "update", "list"]})])
        assert not both.allows("read", f"kv/data/{OWN}") and not both.allows("update", f"kv/data/{OWN}")

    @pytest.mark.parametrize(
        "path", ["kv/config", "sys/policies/acl/k8s-prod-eks-developer", "auth/k8s-prod-eks/role/workload"]
    )
    @pytest.mark.parametrize("capability", ["create", "read", "update", "delete", "list", "sudo"])
    def test_can_t_change_the_engine_nor_their_own_rights(self, path: str, capability: str) -> None:
        assert not Acl([LISTING]).allows(capability, path)


class TestWorkloads:
    @pytest.mark.parametrize("path", [OWN, f"{OWN}/database", f"{OWN}/smtp/relay"])
    def test_read_what_is_their_service_account_s_and_change_nothing(self, path: str) -> None:
        assert Kv(Acl([WORKLOAD], CHECKOUT), "kv", stored=[path]).allowed(path) == {"get"}
        assert Kv(Acl([WORKLOAD], CHECKOUT), "kv").allowed(path) == {"get"}

    @pytest.mark.parametrize(
        "path",
        [
            "prod-eks/default/catalogue",  # another service's
            "prod-eks/default/checkout-2",
            "prod-eks/payments/checkout",  # of the same name, in another namespace
            "prod-gke/default/checkout",  # in another cluster
            "prod-eks/default",
            "prod-eks",
            "shared/smtp",
        ],
    )
    def test_can_do_nothing_elsewhere(self, path: str) -> None:
        assert Kv(Acl([WORKLOAD], CHECKOUT), "kv").allowed(path) == set()

    def test_of_another_cluster_read_nothing_with_the_same_names(self) -> None:
        elsewhere = Login(OTHER_ACCESSOR, "default", "checkout")
        assert Kv(Acl([WORKLOAD], elsewhere), "kv").allowed(OWN) == set()

    def test_can_t_list_names(self) -> None:
        assert not Acl([WORKLOAD], CHECKOUT).allows("list", f"kv/metadata/{OWN}/")


class TestServices:
    SHARED = policies.document(policies.service("kv", "prod-eks", ["shared/smtp"]))

    def test_read_their_own_path_and_what_the_stack_file_names(self) -> None:
        kv = Kv(Acl([WORKLOAD, self.SHARED], CHECKOUT), "kv")
        for path in (OWN, "prod-eks/shared/smtp", "prod-eks/shared/smtp/relay"):
            assert kv.allowed(path) == {"get"}, path
        for path in ("prod-eks/shared", "prod-eks/shared/smtp-2", "prod-eks/shared/crm", "prod-gke/shared/smtp"):
            assert kv.allowed(path) == set(), path


class TestCertManager:
    def test_has_certificates_signed(self) -> None:
        assert Acl([CERT_MANAGER]).allows("update", "pki/sign/kubernetes")

    @pytest.mark.parametrize(
        ("capability", "path"),
        [
            ("update", "pki/sign/servers"),
            ("update", "pki/issue/kubernetes"),  # with a key that Vault makes
            ("update", "pki/sign-verbatim/kubernetes"),  # whatever the request says
            ("update", "pki/root/sign-intermediate"),
            ("update", "pki/roles/kubernetes"),
            ("read", "pki/roles/kubernetes"),
            ("update", "pki/revoke"),
            ("update", "pki2/sign/kubernetes"),
            ("read", "pki/sign/kubernetes"),
            ("read", f"kv/data/{OWN}"),
        ],
    )
    def test_and_nothing_else(self, capability: str, path: str) -> None:
        assert not Acl([CERT_MANAGER]).allows(capability, path)


def test_a_mount_of_another_name_is_in_every_path() -> None:
    rules = [
        *policies.developer("team/kv", "prod-eks", list_names=True),
        *policies.workload("team/kv", "prod-eks", ACCESSOR),
        *policies.service("team/kv", "prod-eks", ["shared/smtp"]),
    ]
    assert len(rules) == 6
    assert all(path.startswith(("team/kv/data/prod-eks/", "team/kv/metadata/prod-eks/")) for path in rules)
