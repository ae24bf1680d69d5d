"""What simulated clouds make, and what they refuse as the clouds do; asked directly."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import rpc

from kuber.rehearsal.cloud import KINDS, CloudStore, Endpoint, Fault, Faults, Record
from kuber.rehearsal.cloud.kinds import CloudError, Place, Resource
from kuber.rehearsal.cloud.properties import input_names, output_names
from kuber.wire import revealed, secret
from tests.rehearsal.clouds import Asked, RefusedError, network

GROUP = {
    "clusterName": "small",
    "nodeGroupName": "workers",
    "nodeRoleArn": "arn:aws:iam::111122223333:role/nodes",
    "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 4},
}
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ROLE = "aws:iam/role:Role"
POLICY = {"assumeRolePolicy": "{}"}


@pytest.fixture
def aws(store: CloudStore) -> Asked:
    return Asked("aws", store)


@pytest.fixture
def gcp(store: CloudStore) -> Asked:
    return Asked("gcp", store)


@pytest.fixture
def vault(store: CloudStore) -> Asked:
    return Asked("vault", store)


def google(gcp: Asked, **changes: Any) -> Record:
    """A GKE cluster named "small"."""
    net = gcp.create("gcp:compute/network:Network", "net", {"name": "net"})
    inputs = {"name": "small", "location": "europe-west1", "network": net.id, "minMasterVersion": "1.34", **changes}
    return gcp.create("gcp:container/cluster:Cluster", "cluster", inputs)


def group(made: dict[str, Record], **changes: Any) -> dict[str, Any]:
    return {**GROUP, "subnetIds": [made[zone].id for zone in "abc"], **changes}


def test_ids_and_arns_have_the_clouds_forms_and_none_is_given_twice(aws: Asked) -> None:
    made = network(aws)
    ids = {name: one.id for name, one in made.items()}
    assert len(set(ids.values())) == len(ids)
    assert ids["vpc"].startswith("vpc-0") and len(ids["vpc"]) == len("vpc-0123456789abcdef0")
    assert made["role"].outputs["arn"] == f"arn:aws:iam::210987654321:role/{ids['role']}"
    assert made["cluster"].outputs["arn"] == "arn:aws:eks:eu-west-1:210987654321:cluster/small"
    assert made["cluster"].outputs["vpcConfig"]["vpcId"] == ids["vpc"]


def test_a_cluster_answers_as_the_api_server_that_is_given(store: CloudStore, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM")
    endpoint = Endpoint(url="https://127.0.0.1:6443", certificate_authority=authority, token="t0ken")
    assert "t0ken" not in repr(endpoint)
    eks = network(Asked("aws", store, endpoint=endpoint))["cluster"].outputs
    assert (eks["endpoint"], eks["certificateAuthority"]) == ("https://127.0.0.1:6443", {"data": "UEVN"})
    gke = google(Asked("gcp", store, endpoint=endpoint)).outputs
    assert f"https://{gke['endpoint']}" == endpoint.url
    assert revealed(gke["masterAuth"])["clusterCaCertificate"] == "UEVN"


def test_a_name_is_chosen_once_and_kept(aws: Asked) -> None:
    role = aws.create(ROLE, "nodes", POLICY)
    assert role.id.startswith("nodes-") and len(role.id) == len("nodes-") + 7
    assert role.inputs["__defaults"] == ["name"]
    assert aws.update(role, {**POLICY, "description": "more"})["name"] == role.id
    another = aws.check(ROLE, "nodes", POLICY)
    assert another.inputs["name"] != role.id


def test_a_name_that_would_be_too_long_is_refused(aws: Asked) -> None:
    (failure,) = aws.check(ROLE, "n" * 60, POLICY).failures
    assert "has 68 characters, and aws:iam/role:Role takes 64" in failure.reason


def test_default_tags_are_on_everything_that_takes_tags(store: CloudStore) -> None:
    aws = Asked("aws", store)
    aws.configure(defaultTags='{"tags": {"owner": "platform", "a": "b"}}')
    key = aws.create("aws:kms/key:Key", "key", {"tags": {"a": "own"}})
    assert key.outputs["tags"] == key.outputs["tagsAll"] == {"owner": "platform", "a": "own"}


def test_another_default_label_of_the_provider_is_a_change_of_what_has_labels(store: CloudStore) -> None:
    gcp = Asked("gcp", store)
    made = google(gcp, resourceLabels={"own": "1"})
    assert gcp.diff(made.type, made.inputs, made.inputs, made.outputs).diffs == []
    gcp.configure(defaultLabels='{"owner": "platform"}')
    assert list(gcp.diff(made.type, made.inputs, made.inputs, made.outputs).diffs) == [
        "effectiveLabels",
        "pulumiLabels",
    ]
    assert gcp.update(made, made.inputs)["effectiveLabels"] == {"owner": "platform", "own": "1"}


@pytest.mark.parametrize("package", ["aws", "gcp", "vault"])
def test_every_output_is_one_that_the_sdk_knows(package: str, store: CloudStore) -> None:
    """Each kind's outputs, of a resource with every input unknown: none is made up."""
    seen = 0
    for token, kind in KINDS[package].items():
        known = input_names(token) | output_names(token)
        if not known:
            continue
        record = store_record(token, datetime.now(UTC))
        inputs = {"autoscalingGroupName": "g", "path": "k8s", "type": "kubernetes"}
        try:
            computed = kind.outputs(Resource(record, inputs, Place(owner="1", region="r"), store))
        except CloudError:
            continue
        assert set(computed) - known == set(), token
        seen += 1
    assert seen > 3


def store_record(token: str, now: datetime) -> Record:
    return Record(
        number=1,
        package=token.partition(":")[0],
        type=token,
        place="1/r",
        id="it",
        name="it",
        urn="urn",
        inputs={},
        outputs={},
        revision=0,
        generation=0,
        created_at=now,
        deleted=False,
    )


def test_a_preview_of_an_update_keeps_what_stays_and_knows_not_what_is_computed_anew(aws: Asked) -> None:
    template = aws.create("aws:ec2/launchTemplate:LaunchTemplate", "t", {"updateDefaultVersion": True})
    news = {"updateDefaultVersion": True, "description": "d"}
    foreseen = aws.update(template, news, preview=True)
    assert (foreseen["arn"], foreseen["latestVersion"]) == (template.outputs["arn"], rpc.UNKNOWN)
    done = aws.update(template, news)
    assert (done["arn"], done["latestVersion"]) == (template.outputs["arn"], 2)


TAKEN: list[tuple[str, str, dict[str, Any], str]] = [
    ("aws", ROLE, {**POLICY, "name": "r"}, "EntityAlreadyExists: Role with name r already exists."),
    (
        "aws",
        "aws:cloudwatch/logGroup:LogGroup",
        {"name": "/l"},
        "ResourceAlreadyExistsException: The specified log group",
    ),
    ("aws", "aws:ec2/launchTemplate:LaunchTemplate", {"name": "t"}, "InvalidLaunchTemplateName.AlreadyExistsException"),
    (
        "gcp",
        "gcp:compute/network:Network",
        {"name": "n"},
        "Error 409: The resource 'projects/small-project/global/networks/n'",
    ),
    (
        "gcp",
        "gcp:serviceaccount/account:Account",
        {"accountId": "a"},
        "Service account a already exists within project",
    ),
    ("gcp", "gcp:kms/keyRing:KeyRing", {"location": "l", "name": "k"}, "keyRings/k already exists"),
    (
        "vault",
        "vault:index/authBackend:AuthBackend",
        {"type": "kubernetes", "path": "p"},
        "path is already in use at p/",
    ),
    ("vault", "vault:index/mount:Mount", {"type": "kv", "path": "p"}, "existing mount at p/"),
]


@pytest.mark.parametrize(("package", "token", "inputs", "said"), TAKEN, ids=[one[1] for one in TAKEN])
def test_what_is_there_already_is_refused_in_the_clouds_words(
    package: str, token: str, inputs: dict[str, Any], said: str, store: CloudStore
) -> None:
    cloud = Asked(package, store)
    there = cloud.create(token, "one", inputs)
    with pytest.raises(RefusedError) as refused:
        cloud.create(token, "two", inputs)
    assert said in str(refused.value)
    assert f"(a simulated {package})" in str(refused.value)
    assert store.resources() == [there]


def test_within_a_cluster_names_are_taken_once(aws: Asked) -> None:
    made = network(aws)
    aws.create(NODE_GROUP, "workers", group(made))
    with pytest.raises(RefusedError, match="ResourceInUseException: NodeGroup already exists with name workers"):
        aws.create(NODE_GROUP, "again", group(made))
    entry = {"clusterName": "small", "principalArn": "arn:aws:iam::1:role/admin"}
    aws.create("aws:eks/accessEntry:AccessEntry", "admin", entry)
    with pytest.raises(RefusedError, match="access entry resource is already in use on this cluster"):
        aws.create("aws:eks/accessEntry:AccessEntry", "admin2", entry)
    identity = {"clusterName": "small", "namespace": "n", "serviceAccount": "s", "roleArn": made["role"].outputs["arn"]}
    there = aws.create("aws:eks/podIdentityAssociation:PodIdentityAssociation", "pi", identity)
    with pytest.raises(RefusedError, match=f"Association already exists: {there.id}"):
        aws.create("aws:eks/podIdentityAssociation:PodIdentityAssociation", "pi2", identity)


def test_ranges_of_subnets_may_not_overlap(aws: Asked, gcp: Asked) -> None:
    made = network(aws)
    with pytest.raises(RefusedError, match=r"InvalidSubnet.Conflict: The CIDR '10.0.0.128/25' conflicts"):
        aws.create("aws:ec2/subnet:Subnet", "d", {"vpcId": made["vpc"].id, "cidrBlock": "10.0.0.128/25"})
    with pytest.raises(RefusedError, match=r"InvalidSubnet.Range"):
        aws.create("aws:ec2/subnet:Subnet", "d", {"vpcId": made["vpc"].id, "cidrBlock": "10.1.0.0/24"})
    net = gcp.create("gcp:compute/network:Network", "net", {"name": "net"})
    pods = {"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"}
    nodes = {"name": "nodes", "network": net.id, "ipCidrRange": "10.0.0.0/20", "secondaryIpRanges": [pods]}
    gcp.create("gcp:compute/subnetwork:Subnetwork", "nodes", nodes)
    with pytest.raises(RefusedError, match=r"10.65.0.0/16 conflicts with existing subnetwork"):
        others = {"name": "others", "network": net.id, "ipCidrRange": "10.65.0.0/16"}
        gcp.create("gcp:compute/subnetwork:Subnetwork", "others", others)


def test_what_is_written_over_in_the_cloud_is_written_over(store: CloudStore) -> None:
    vault = Asked("vault", store)
    one = vault.create("vault:index/policy:Policy", "one", {"name": "p", "policy": "{}"})
    two = vault.create("vault:index/policy:Policy", "two", {"name": "p", "policy": '{"path": {}}'})
    assert (one.id, store.resources()) == (two.id, [two])


def test_what_is_named_must_be_there(aws: Asked, vault: Asked, gcp: Asked) -> None:
    made = network(aws)
    with pytest.raises(RefusedError, match="ResourceNotFoundException: No cluster found for name: other"):
        aws.create(NODE_GROUP, "workers", group(made, clusterName="other"))
    with pytest.raises(RefusedError, match=r"InvalidSubnetID\.NotFound: The subnet ID 'subnet-1' does not exist"):
        aws.create(NODE_GROUP, "workers", group(made, subnetIds=["subnet-1"]))
    with pytest.raises(RefusedError, match="The role with ARN arn:aws:iam::210987654321:role/gone cannot be found"):
        aws.create(NODE_GROUP, "workers", group(made, nodeRoleArn="arn:aws:iam::210987654321:role/gone"))
    with pytest.raises(RefusedError, match='no handler for route "auth/k8s/config"'):
        config = {"backend": "k8s", "kubernetesHost": "https://a"}
        vault.create("vault:kubernetes/authBackendConfig:AuthBackendConfig", "config", config)
    with pytest.raises(
        RefusedError, match="Error 404: Not found: projects/small-project/locations/europe-west1/clusters/c"
    ):
        gcp.create("gcp:container/nodePool:NodePool", "p", {"cluster": "c", "location": "europe-west1"})


def test_what_is_in_use_may_not_go(aws: Asked) -> None:
    made = network(aws)
    workers = aws.create(NODE_GROUP, "workers", group(made))
    attachment = aws.create(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", {"role": made["role"].id, "policyArn": "arn:p"}
    )
    for name, said in {
        "vpc": "DependencyViolation: The vpc",
        "a": "DependencyViolation: The subnet",
        "cluster": "ResourceInUseException: Cluster has nodegroups attached",
        "role": "DeleteConflict: Cannot delete entity, must detach all policies first.",
    }.items():
        with pytest.raises(RefusedError, match=said):
            aws.delete(made[name])
    for one in (workers, attachment, made["cluster"], *(made[zone] for zone in "abc"), made["vpc"], made["role"]):
        aws.delete(one)
    assert aws.store.resources() == []


def test_what_hangs_on_a_cluster_goes_with_it(aws: Asked) -> None:
    made = network(aws)
    addon = aws.create("aws:eks/addon:Addon", "dns", {"clusterName": "small", "addonName": "coredns"})
    aws.delete(made["cluster"])
    assert aws.store.find(addon.type, addon.id) is None
    aws.delete(addon)  # the engine may ask all the same


def test_a_protected_cluster_stays_until_the_protection_is_lifted(aws: Asked, gcp: Asked) -> None:
    eks = network(aws)["cluster"]
    aws.update(eks, {**eks.inputs, "deletionProtection": True})
    with pytest.raises(RefusedError, match="deletion protection enabled"):
        aws.delete(eks)
    aws.update(eks, {**eks.inputs, "deletionProtection": False})
    aws.delete(eks)
    gke = google(gcp)
    with pytest.raises(RefusedError, match="deletion_protection is set to true"):
        gcp.delete(gke)
    gcp.update(gke, {**gke.inputs, "deletionProtection": False})
    gcp.delete(gke)
    assert {aws.store.find(one.type, one.id) for one in (eks, gke)} == {None}


def test_a_key_ring_stays_in_google_cloud_for_ever(gcp: Asked) -> None:
    ring = gcp.create("gcp:kms/keyRing:KeyRing", "ring", {"location": "europe-west1"})
    gcp.delete(ring)
    assert gcp.store.resources() == [ring]


@pytest.mark.parametrize("version", ["1.36", "1.33"])
def test_a_control_plane_moves_by_one_minor_and_never_back(version: str, aws: Asked, gcp: Asked) -> None:
    eks, gke = network(aws)["cluster"], google(gcp)
    with pytest.raises(RefusedError, match=f"Unsupported Kubernetes minor version update from 1.34 to {version}"):
        aws.update(eks, {**eks.inputs, "version": version})
    with pytest.raises(RefusedError, match=r"Error 400: Master cannot be"):
        gcp.update(gke, {**gke.inputs, "minMasterVersion": version})
    assert aws.update(eks, {**eks.inputs, "version": "1.35"})["version"] == "1.35"
    assert gcp.update(gke, {**gke.inputs, "minMasterVersion": "1.35"})["masterVersion"].startswith("1.35.")


def test_a_pools_sizes_must_fit_and_its_nodes_may_not_be_ahead(aws: Asked) -> None:
    made = network(aws)
    with pytest.raises(RefusedError, match="Minimum capacity 3 can't be greater than desired size 2"):
        sizes = {"minSize": 3, "desiredSize": 2, "maxSize": 4}
        aws.create(NODE_GROUP, "w", group(made, scalingConfig=sizes))
    with pytest.raises(RefusedError, match=r"equal to or less than the cluster version 1\.34"):
        aws.create(NODE_GROUP, "w", group(made, version="1.35"))


def test_what_is_read_is_what_there_is_now(aws: Asked) -> None:
    key = aws.create("aws:kms/key:Key", "key", {"description": "d"})
    aws.store.edit(key.type, key.id, {"description": "other"})
    assert aws.read(key.type, key.id, "key").properties["description"] == "other"
    assert aws.read(key.type, key.id, "key").inputs["description"] == "other"
    aws.store.remove(key.type, key.id)
    assert aws.read(key.type, key.id, "key").id == ""
    aws.delete(key)


def test_an_update_of_what_is_gone_is_refused(aws: Asked) -> None:
    key = aws.create("aws:kms/key:Key", "key", {})
    aws.store.remove(key.type, key.id)
    with pytest.raises(RefusedError, match="it isn't there"):
        aws.update(key, {"description": "d"})


def test_a_type_that_nothing_is_known_of_is_made_kept_and_taken_away(aws: Asked) -> None:
    topic = aws.create("aws:sns/topic:Topic", "topic", {"anything": [1, 2.5, None, {"a": True}]})
    assert topic.outputs == {"anything": [1, 2.5, None, {"a": True}]}
    assert aws.update(topic, {"anything": 2}) == {"anything": 2}
    aws.delete(topic)
    assert aws.store.resources() == []


def test_a_secret_stays_one_and_is_in_no_message(store: CloudStore) -> None:
    jwt = "ey.secret.token"
    faults = Faults([Fault(effect="report_failure", operation="update", message=f"Vault doesn't like {jwt}")])
    vault = Asked("vault", store, faults=faults)
    vault.create("vault:index/authBackend:AuthBackend", "auth", {"type": "kubernetes", "path": "k8s"})
    token = "vault:kubernetes/authBackendConfig:AuthBackendConfig"
    inputs = {"backend": "k8s", "kubernetesHost": "https://a", "tokenReviewerJwt": secret(jwt)}
    config = vault.create(token, "config", inputs)
    assert config.outputs["tokenReviewerJwt"] == secret(jwt)
    with pytest.raises(RefusedError) as refused:
        vault.update(config, {**inputs, "kubernetesHost": "https://b"})
    assert "Vault doesn't like [secret]" in str(refused.value)
    assert refused.value.partly is not None and jwt not in "".join(refused.value.partly.reasons)


def test_faults_strike_the_calls_that_they_are_for(store: CloudStore) -> None:
    key = "aws:kms/key:Key"
    faults = Faults(
        [
            Fault(effect="throttle", type="aws:kms/*", nth=2),
            Fault(effect="fail", operation="delete", name="first", first=1, message="AccessDenied: no"),
            Fault(effect="slow", operation="*", seconds=0),
        ]
    )
    aws = Asked("aws", store, faults=faults)
    first = aws.create(key, "first", {})
    with pytest.raises(RefusedError, match="creating aws:kms/key:Key second: ThrottlingException: Rate exceeded"):
        aws.create(key, "second", {})
    aws.create(key, "second", {})
    with pytest.raises(RefusedError, match="AccessDenied: no"):
        aws.delete(first)
    aws.delete(first)
    assert [one.name for one in store.resources()] == ["second"]


def test_calls_are_counted_on_in_the_next_run(store: CloudStore) -> None:
    script = [Fault(effect="time_out", nth=2)]
    Asked("aws", store, faults=Faults(script)).create("aws:kms/key:Key", "first", {})
    with pytest.raises(RefusedError, match="context deadline exceeded"):
        Asked("aws", store, faults=Faults(script)).create("aws:kms/key:Key", "second", {})


def test_of_a_failure_that_made_something_the_engine_is_told_what(store: CloudStore) -> None:
    faults = Faults(
        [Fault(effect="report_failure", first=1, message="CREATE_FAILED"), Fault(effect="lose_answer", nth=2)]
    )
    aws = Asked("aws", store, faults=faults)
    with pytest.raises(RefusedError) as partly:
        aws.create("aws:kms/key:Key", "first", {"description": "d"})
    told = partly.value.partly
    assert told is not None
    (made,) = store.resources()
    assert (told.id, told.properties["description"]) == (made.id, "d")
    assert ["CREATE_FAILED" in reason for reason in told.reasons] == [True]
    with pytest.raises(RefusedError) as lost:
        aws.create("aws:kms/key:Key", "second", {})
    assert lost.value.partly is None
    assert len(store.resources()) == 2


def test_drift_by_script_comes_after_the_call(store: CloudStore) -> None:
    key = "aws:kms/key:Key"
    faults = Faults(
        [
            Fault(effect="drift", name="one", changes={"description": "by hand"}),
            Fault(effect="drift", name="two", changes=None),
        ]
    )
    aws = Asked("aws", store, faults=faults)
    assert aws.told_of(key, "one", {"description": "d"}).properties["description"] == "d"
    (one,) = store.resources()
    assert one.outputs["description"] == "by hand"
    aws.told_of(key, "two", {})
    assert store.resources() == [one]


def test_with_the_same_seed_the_same_program_gets_the_same_ids_in_any_order(tmp_path: Path) -> None:
    def made(file: str, names: list[str]) -> dict[str, str]:
        aws = Asked("aws", CloudStore(tmp_path / file, seed="s"))
        return {name: aws.create("aws:kms/key:Key", name, {}).id for name in names}

    first = made("1.sqlite", ["a", "b"])
    assert first == made("2.sqlite", ["b", "a"])
    assert first["a"] != first["b"]


def test_what_went_behind_ones_back_hinders_no_other_change(aws: Asked) -> None:
    made = network(aws)
    workers = aws.create(NODE_GROUP, "workers", group(made))
    aws.store.remove("aws:ec2/subnet:Subnet", made["c"].id)
    assert aws.update(workers, group(made, labels={"a": "b"}))["labels"] == {"a": "b"}
