"""What the engine will do to each resource, told from two plans."""

from __future__ import annotations

from typing import Any

import pytest

from kuber.plan.registration import SECRET, UNKNOWN
from kuber.review.changes import changes, component_of, counts
from kuber.review.model import Change
from tests.review.plan_by_hand import Resource, plan, resource

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CLUSTER = "aws:eks/cluster:Cluster"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
PROVIDER = "pulumi:providers:kubernetes"
POOL = "kuber:node_pools:ManagedNodeGroup"


def told(before: list[Resource], after: list[Resource]) -> dict[str, str]:
    """Operations by name."""
    return {one.name: one.operation for one in changes("prod", plan(*before), plan(*after))}


def only(before: list[Resource], after: list[Resource]) -> Change:
    (found,) = changes("prod", plan(*before), plan(*after))
    return found


def update(type_: str, olds: dict[str, Any], news: dict[str, Any], **options: Any) -> Change:
    return only([resource(type_, "one", olds, **options)], [resource(type_, "one", news, **options)])


def test_what_stays_as_it_is_is_not_told() -> None:
    same = [resource(VPC, "main", {"cidrBlock": "10.0.0.0/16"})]
    assert told(same, same) == {}


def test_what_is_new_is_created_and_what_is_gone_is_deleted() -> None:
    found = changes("prod", plan(resource(VPC, "old")), plan(resource(VPC, "new")))
    assert [(one.name, one.operation) for one in found] == [("new", "create"), ("old", "delete")]
    assert found[0].before is None and found[0].after and found[1].before and found[1].after is None
    assert counts(found) == {"create": 1, "delete": 1}


def test_components_and_the_stack_are_no_resources_of_a_cloud() -> None:
    component = resource("kuber:network:Network", "network")
    found = changes("prod", plan(), plan(component, resource(VPC, "main", parent=component)))
    assert [(one.label, one.component) for one in found] == [("Vpc main", ("Network network",))]


def test_components_are_told_from_the_outermost() -> None:
    outer = resource("kuber:clusters:EksCluster", "prod")
    inner = resource(POOL, "prod-system", parent=outer)
    leaf = resource(GROUP, "prod-system", parent=inner)
    assert component_of(leaf, plan(outer, inner, leaf)) == ("EksCluster prod", "ManagedNodeGroup prod-system")


def test_a_property_that_can_change_is_updated() -> None:
    found = update(GROUP, {"scalingConfig": {"maxSize": 3}}, {"scalingConfig": {"maxSize": 6}})
    assert (found.operation, found.deletes_first) == ("update", False)
    (one,) = found.properties
    assert (one.path, one.before, one.after, one.replaces) == ("scalingConfig.maxSize", 3, 6, False)


def test_a_property_that_can_not_change_replaces_and_says_so() -> None:
    found = update(
        GROUP, {"diskSize": 20, "labels": {"a": "1"}, "nodeGroupName": "x"}, {"diskSize": 30, "nodeGroupName": "x"}
    )
    assert (found.operation, found.deletes_first) == ("replace", True)
    assert {one.path: one.replaces for one in found.properties} == {"diskSize": True, "labels": False}


@pytest.mark.parametrize(
    ("type_", "olds", "news", "operation"),
    [
        (GROUP, {"instanceTypes": ["a", "b"]}, {"instanceTypes": ["b", "a"]}, "replace"),
        (GROUP, {"subnetIds": ["a", "b"]}, {"subnetIds": ["a", "c"]}, "replace"),
        (GROUP, {"taints": [{"key": "a"}]}, {"taints": [{"key": "b"}]}, "update"),
        (GROUP, {"launchTemplate": {"id": "a", "version": "1"}}, {"launchTemplate": {"id": "b"}}, "replace"),
        (CLUSTER, {"version": "1.34"}, {"version": "1.35"}, "update"),
        (CLUSTER, {"encryptionConfig": {"resources": ["secrets"]}}, {}, "replace"),
        (CLUSTER, {}, {"encryptionConfig": {"resources": ["secrets"]}}, "update"),
        ("gcp:container/nodePool:NodePool", {}, {"placementPolicy": {"type": "COMPACT"}}, "replace"),
        ("gcp:compute/subnetwork:Subnetwork", {"ipCidrRange": "10.0.0.0/20"}, {"ipCidrRange": "10.0.0.0/16"}, "update"),
        (
            "gcp:compute/subnetwork:Subnetwork",
            {"ipCidrRange": "10.0.0.0/16"},
            {"ipCidrRange": "10.0.0.0/20"},
            "replace",
        ),
        ("vault:index/authBackend:AuthBackend", {"path": "a"}, {"path": "b"}, "update"),
        ("aws:sqs/queue:Queue", {"name": "a"}, {"name": "b"}, "update"),
        (DEPLOYMENT, {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, "update"),
        (DEPLOYMENT, {"spec": {"selector": {"a": "1"}}}, {"spec": {"selector": {"a": "2"}}}, "replace"),
        (
            CONFIG_MAP,
            {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}},
            {"apiVersion": "v1", "kind": "ConfigMap"},
            "replace",
        ),
        (DEPLOYMENT, {"metadata": {"namespace": "a"}}, {"metadata": {"namespace": "b"}}, "replace"),
    ],
)
def test_the_providers_own_facts_tell_what_replaces(type_: str, olds: Any, news: Any, operation: str) -> None:
    kind = {"apiVersion": "apps/v1", "kind": "Deployment"} if type_ == DEPLOYMENT else {}
    assert update(type_, {**kind, **olds}, {**kind, **news}).operation == operation


def test_a_config_map_is_updated_where_the_provider_was_told_that_it_may_be() -> None:
    def at(data: str) -> list[Resource]:
        provider = resource(PROVIDER, "prod", {"enableConfigMapMutable": "true"})
        inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": data}}
        return [provider, resource(CONFIG_MAP, "a", inputs, provider=provider)]

    assert told(at("1"), at("2")) == {"a": "update"}


def test_an_object_of_one_name_goes_before_the_new_one_is_there() -> None:
    def at(selector: str, name: str | None) -> dict[str, Any]:
        metadata = {"metadata": {"name": name}} if name else {"metadata": {"labels": {}}}
        return {"apiVersion": "apps/v1", "kind": "Deployment", **metadata, "spec": {"selector": {"a": selector}}}

    assert update(DEPLOYMENT, at("1", "web"), at("2", "web")).deletes_first
    assert not update(DEPLOYMENT, at("1", "web"), at("1", "web-2")).deletes_first
    assert not update(DEPLOYMENT, at("1", None), at("2", None)).deletes_first


def test_what_the_program_ignores_is_no_change() -> None:
    ignored = ['tags["a.b/c"]', "scalingConfig.desiredSize", "taints[*].value"]
    olds = {"tags": {"a.b/c": "1"}, "scalingConfig": {"desiredSize": 1}, "taints": [{"key": "x", "value": "1"}]}
    news = {"tags": {"a.b/c": "2"}, "scalingConfig": {"desiredSize": 2}, "taints": [{"key": "x", "value": "2"}]}
    before, after = (resource(GROUP, "one", one, ignoreChanges=ignored) for one in (olds, news))
    assert told([before], [after]) == {}
    more = resource(GROUP, "one", {**news, "tags": {"a.b/c": "2", "a": "1"}}, ignoreChanges=ignored)
    assert [one.path for one in only([before], [more]).properties] == ["tags.a"]


def test_what_the_program_says_replaces_does() -> None:
    found = update(GROUP, {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, replaceOnChanges=["tags"])
    assert (found.operation, found.properties[0].replaces) == ("replace", True)
    assert update(VPC, {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, replaceOnChanges=["*"]).operation == "replace"


@pytest.mark.parametrize("first", [True, False])
def test_the_programs_own_word_on_the_order_of_a_replacement_counts(first: bool) -> None:
    found = update(
        GROUP, {"diskSize": 1, "nodeGroupName": "x"}, {"diskSize": 2, "nodeGroupName": "x"}, deleteBeforeReplace=first
    )
    assert found.deletes_first is first


def test_an_option_that_changes_is_told() -> None:
    found = only([resource(VPC, "main", protect=True)], [resource(VPC, "main")])
    assert found.operation == "update"
    assert [(one.path, one.kind, one.before, one.after) for one in found.properties] == [
        ("(option) protect", "delete", True, None)
    ]


def test_another_order_of_things_is_no_change() -> None:
    first = resource(VPC, "first")
    assert told([first, resource(VPC, "main")], [first, resource(VPC, "main", depends_on=[first])]) == {}


def test_what_is_kept_when_it_goes_is_said_to_be() -> None:
    assert only([resource(VPC, "main", retainOnDelete=True)], []).retained
    assert not only([resource(VPC, "main")], []).retained


def test_a_renamed_resource_stays() -> None:
    found = only([resource(VPC, "old")], [resource(VPC, "new", aliases=[{"name": "old"}])])
    assert (found.operation, found.renamed_from) == ("update", "urn:pulumi:prod::kuber::aws:ec2/vpc:Vpc::old")
    assert told([resource(VPC, "old")], [resource(VPC, "new")]) == {"old": "delete", "new": "create"}


def test_all_in_a_renamed_component_stays() -> None:
    def at(type_: str, **options: Any) -> list[Resource]:
        component = resource(type_, "net", **options)
        return [component, resource(VPC, "main", parent=component), resource(SUBNET, "a", parent=component)]

    kept = changes("prod", plan(*at("kuber:old:Net")), plan(*at("kuber:new:Net", aliases=[{"type": "kuber:old:Net"}])))
    assert [(one.name, one.operation, one.properties) for one in kept] == [("a", "update", []), ("main", "update", [])]
    made_anew = told(at("kuber:old:Net"), at("kuber:new:Net"))
    assert len(changes("prod", plan(*at("kuber:old:Net")), plan(*at("kuber:new:Net")))) == 4
    assert made_anew.keys() == {"a", "main"}


def test_a_renamed_resource_that_is_another_too_is_replaced() -> None:
    before = resource(VPC, "old", {"cidrBlock": "10.0.0.0/16"})
    after = resource(VPC, "new", {"cidrBlock": "10.1.0.0/16"}, aliases=[{"name": "old"}])
    found = only([before], [after])
    assert (found.operation, bool(found.renamed_from)) == ("replace", True)


def test_a_pool_whose_fingerprint_changes_is_another_one() -> None:
    def pool(name: str) -> list[Resource]:
        component = resource(POOL, name)
        return [component, resource(GROUP, name, {"nodeGroupName": name}, parent=component)]

    assert told(pool("prod-system-0c1500"), pool("prod-system-ac8691")) == {
        "prod-system-0c1500": "delete",
        "prod-system-ac8691": "create",
    }


def subnet(cidr: str, name: str = "a") -> Resource:
    return resource(SUBNET, name, {"cidrBlock": cidr})


def group(*subnets: Resource, **options: Any) -> Resource:
    inputs = {"subnetIds": [UNKNOWN for _ in subnets], "diskSize": 20}
    return resource(GROUP, "one", inputs, unknown_from={"subnetIds": subnets}, **options)


def test_what_takes_an_id_of_something_replaced_follows_it() -> None:
    old, new = subnet("10.0.0.0/24"), subnet("10.0.1.0/24")
    found = {one.name: one for one in changes("prod", plan(old, group(old)), plan(new, group(new)))}
    assert found["a"].operation == "replace"
    assert (found["one"].operation, found["one"].because) == ("replace", "follows the replacement of Subnet a")


def test_what_ignores_that_property_does_not_follow() -> None:
    old, new = subnet("10.0.0.0/24"), subnet("10.0.1.0/24")
    options = {"ignoreChanges": ["subnetIds"]}
    assert told([old, group(old, **options)], [new, group(new, **options)]) == {"a": "replace"}


def test_what_ignores_a_part_of_that_property_follows_for_the_other_part() -> None:
    """As an EKS cluster, whose subnets can't be changed: another security group for its API is another group all the same."""

    def with_group(description: str, **inside: Any) -> list[Resource]:
        firewall = resource("aws:ec2/securityGroup:SecurityGroup", "api", {"description": description})
        inputs = {"vpcConfig": {"subnetIds": [UNKNOWN], **inside}}
        ignored = ["vpcConfig.subnetIds"]
        return [
            firewall,
            resource(CLUSTER, "prod", inputs, unknown_from={"vpcConfig": [firewall]}, ignoreChanges=ignored),
        ]

    groups = {"securityGroupIds": [UNKNOWN]}
    assert told(with_group("a", **groups), with_group("b", **groups)) == {"api": "replace", "prod": "update"}
    assert told(with_group("a"), with_group("b")) == {"api": "replace"}


def test_what_follows_in_a_property_that_can_change_is_updated() -> None:
    def with_role(name: str) -> list[Resource]:
        role = resource("aws:iam/role:Role", "role", {"name": name})
        return [
            role,
            resource(
                "aws:eks/addon:Addon",
                "dns",
                {"serviceAccountRoleArn": UNKNOWN},
                unknown_from={"serviceAccountRoleArn": [role]},
            ),
        ]

    found = {one.name: one for one in changes("prod", plan(*with_role("a")), plan(*with_role("b")))}
    assert (found["dns"].operation, found["dns"].because) == ("update", "follows the replacement of Role role")


def test_what_lies_below_a_property_that_replaces_follows_too() -> None:
    def with_template(name: str) -> list[Resource]:
        template = resource(TEMPLATE, "template", {"name": name})
        inputs = {"launchTemplate": {"id": UNKNOWN, "version": UNKNOWN}}
        return [template, resource(GROUP, "one", inputs, unknown_from={"launchTemplate": [template]})]

    assert told(with_template("a"), with_template("b")) == {"template": "replace", "one": "replace"}


def test_what_takes_an_id_from_something_else_than_before_changes() -> None:
    old, new = subnet("10.0.0.0/24", "a"), subnet("10.0.1.0/24", "b")
    found = {one.name: one for one in changes("prod", plan(old, group(old)), plan(new, group(new)))}
    assert (found["one"].operation, found["one"].because) == ("replace", "takes a value from the new Subnet b")


def test_replacements_follow_each_other_over_any_length() -> None:
    def chain(cidr: str) -> list[Resource]:
        vpc = resource(VPC, "vpc", {"cidrBlock": cidr})
        inner = resource(SUBNET, "subnet", {"vpcId": UNKNOWN}, unknown_from={"vpcId": [vpc]})
        nodes = resource(GROUP, "a-group", {"subnetIds": [UNKNOWN]}, unknown_from={"subnetIds": [inner]})
        return [nodes, inner, vpc]

    assert told(chain("10.0.0.0/16"), chain("10.1.0.0/16")) == {
        "vpc": "replace",
        "subnet": "replace",
        "a-group": "replace",
    }


def test_objects_follow_their_provider_to_another_cluster() -> None:
    def at(identifier: str, kubeconfig: str = "a", name: str = "prod") -> list[Resource]:
        provider = resource(PROVIDER, name, {"clusterIdentifier": identifier, "kubeconfig": kubeconfig})
        inputs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
        return [provider, resource("kubernetes:core/v1:Namespace", "x", inputs, provider=provider)]

    assert told(at("one"), at("two")) == {"prod": "replace", "x": "replace"}
    assert told(at("one"), at("one", kubeconfig="b")) == {"prod": "update"}
    assert told(at("one"), at("two", name="other")) == {"prod": "delete", "other": "create", "x": "replace"}
    assert told(at("one"), at("one", name="other")) == {"prod": "delete", "other": "create"}


def test_a_secret_is_shown_to_change_and_no_more() -> None:
    found = update(
        DEPLOYMENT,
        {"password": "[secret 0f3a11223344]", "url": "https://me:[secret 0f3a11223344]@host"},
        {"password": "[secret 77aa11223344]", "url": "https://me:[secret 77aa11223344]@host"},
    )
    assert {one.path: (one.before, one.after) for one in found.properties} == {
        "password": (SECRET, SECRET),
        "url": ("https://me:[secret]@host", "https://me:[secret, changed]@host"),
    }


def test_labels_of_a_charts_version_and_checksums_are_noise_and_others_are_not() -> None:
    def at(version: str, name: str = "web") -> dict[str, Any]:
        labels = {
            "helm.sh/chart": f"web-{version}",
            "app.kubernetes.io/version": version,
            "app.kubernetes.io/name": name,
        }
        annotations = {"checksum/config": version}
        return {
            "metadata": {"labels": labels},
            "spec": {"template": {"metadata": {"annotations": annotations, "labels": labels}}},
        }

    assert update(DEPLOYMENT, at("1"), at("2")).noise
    found = update(DEPLOYMENT, at("1"), at("2", "other"))
    assert not found.noise
    assert {one.path for one in found.properties if not one.noise} == {
        'metadata.labels["app.kubernetes.io/name"]',
        'spec.template.metadata.labels["app.kubernetes.io/name"]',
    }


def test_a_version_that_is_no_label_is_never_noise() -> None:
    assert not update(DEPLOYMENT, {"spec": {"chart": "a-1"}}, {"spec": {"chart": "a-2"}}).noise
    assert not update(CLUSTER, {"metadata": {"labels": {"chart": "1"}}}, {"metadata": {"labels": {"chart": "2"}}}).noise


def test_a_policy_that_is_only_written_otherwise_is_the_same_to_a_cloud_and_a_file_is_another_text() -> None:
    first, second = '{"a": 1, "b": 2}', '{"b":2,"a":1}'
    role = [resource("aws:iam/role:Role", "one", {"assumeRolePolicy": text}) for text in (first, second)]
    assert told([role[0]], [role[1]]) == {}
    (one,) = update(CONFIG_MAP, {"data": {"config.json": first}}, {"data": {"config.json": second}}).properties
    assert one.path == 'data["config.json"] (spelling)'


def test_changes_are_in_the_order_of_components_types_and_names() -> None:
    network, pool = resource("kuber:network:Network", "n"), resource(POOL, "p")
    after = [
        resource(VPC, "z", parent=network),
        resource(SUBNET, "b", parent=network),
        resource(SUBNET, "a", parent=network),
    ]
    found = changes(
        "prod", plan(), plan(pool, network, resource(GROUP, "g", parent=pool), *after, resource(VPC, "top"))
    )
    assert [one.name for one in found] == ["top", "g", "a", "b", "z"]
