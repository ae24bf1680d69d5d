"""Storage classes: the cloud's disks, or folders of own machines."""

from __future__ import annotations

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from config.cluster import CloudClusterSettings
from config.platforms import Feature
from config.standard_stack.storage import PROVISIONED, DiskClass, usual_disk_type

from .alerts import Alert, alerts
from .network import allow_api_server
from .part import Part
from .site import Site

NAMESPACE = "system-storage"
STANDARD, FAST, LOCAL = "kuber-standard", "kuber-fast", "local-path"
_BROUGHT = {"eks": "gp2", "gke": "standard-rwo", "bare_metal": LOCAL}
"""The class that a cluster has without this part."""
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_PODS = {"app.kubernetes.io/name": "local-path-provisioner"}


def default_storage_class(site: Site) -> str:
    """The class of claims that name none."""
    settings = site.stack.storage
    if settings.default_class:
        return settings.default_class
    if not settings.enabled:
        return _BROUGHT[site.settings.platform]
    return STANDARD if site.brings(Feature.BLOCK_STORAGE) else LOCAL


def storage(site: Site) -> Part:
    """Classes of the cloud's disks, which the cloud's own driver makes; a provisioner of folders on own machines."""
    if isinstance(site.settings, CloudClusterSettings):
        return Part(name="storage", namespace=NAMESPACE, objects=[*_disk_classes(site, site.settings), _alerts()])
    return Part(
        name="storage",
        namespace=NAMESPACE,
        pod_security="privileged",
        pod_security_reason="pods that make and remove a volume's folder mount the machine's disk",
        charts=[_local_path(site)],
        objects=[allow_api_server(site, _PODS), _alerts()],
    )


def _disk_classes(site: Site, cluster: CloudClusterSettings) -> list[Manifest]:
    settings = site.stack.storage
    classes = {STANDARD: settings.standard, FAST: settings.fast}
    parameters = {"eks": _ebs_parameters, "gke": _pd_parameters}[cluster.platform]
    provisioner = {"eks": "ebs.csi.aws.com", "gke": "pd.csi.storage.gke.io"}[cluster.platform]
    # Where the platform has a default of its own, as GKE has, Kubernetes takes the newest of them, which is this.
    default = default_storage_class(site)
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name, "annotations": {_DEFAULT: "true" if name == default else "false"}},
            "provisioner": provisioner,
            "parameters": parameters(site, cluster, disks, name == FAST),
            "reclaimPolicy": settings.reclaim_policy,
            "volumeBindingMode": "WaitForFirstConsumer",  # a disk belongs to a zone: the pod's, so the pod is placed first
            "allowVolumeExpansion": True,
        }
        for name, disks in classes.items()
        if disks is not None
    ]


def _ebs_parameters(site: Site, cluster: CloudClusterSettings, disks: DiskClass, fast: bool) -> dict[str, str]:
    """Parameters of the EBS driver (aws-ebs-csi-driver, docs/parameters.md)."""
    kind = disks.type or usual_disk_type(cluster)
    tags = {"kuber:cluster": site.name, "kuber:environment": site.environment, **cluster.tags}
    return {
        "type": kind,
        "encrypted": "true",
        "csi.storage.k8s.io/fstype": "ext4",
        **({"kmsKeyId": site.stack.storage.encryption_key} if site.stack.storage.encryption_key else {}),
        **_provisioned(disks, kind, {"iops": ("iops", ""), "throughput_mib": ("throughput", "")}),
        **{
            f"tagSpecification_{number}": f"{key}={value}"
            for number, (key, value) in enumerate(sorted(tags.items()), 1)
        },
    }


def _pd_parameters(site: Site, cluster: CloudClusterSettings, disks: DiskClass, fast: bool) -> dict[str, str]:
    """Parameters of Compute Engine's driver (gcp-compute-persistent-disk-csi-driver, README)."""
    kind = disks.type or usual_disk_type(cluster)
    if disks.type is None and fast and kind == "pd-balanced":
        kind = "pd-ssd"
    labels = {"kuber-cluster": site.name, "kuber-environment": site.environment, **cluster.tags}
    key = site.stack.storage.encryption_key
    names = {"iops": ("provisioned-iops-on-create", ""), "throughput_mib": ("provisioned-throughput-on-create", "Mi")}
    return {
        "type": kind,
        "csi.storage.k8s.io/fstype": "ext4",
        **({"disk-encryption-kms-key": key} if key else {}),
        **_provisioned(disks, kind, names),
        "labels": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
    }


def _provisioned(disks: DiskClass, kind: str, names: dict[str, tuple[str, str]]) -> dict[str, str]:
    """What is bought apart from size, by the driver's names for it, each with its unit."""
    wanted = {field: getattr(disks, field) for field in PROVISIONED.get(kind, ())}  # pyright: ignore[reportCallIssue, reportArgumentType]
    return {names[field][0]: f"{value}{names[field][1]}" for field, value in wanted.items() if value is not None}


def _local_path(site: Site) -> Chart:
    settings = site.stack.storage
    busybox = site.release.images["busybox"]
    restricted = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 65534,
        "runAsGroup": 65534,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    values = {
        "helperImage": {"repository": busybox.repository, "tag": busybox.tag},
        "storageClass": {
            "defaultClass": default_storage_class(site) == LOCAL,
            "name": LOCAL,
            "reclaimPolicy": settings.reclaim_policy,
        },
        "nodePathMap": [
            {"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [settings.local_path]},
            *({"node": name, "paths": list(paths)} for name, paths in settings.machine_paths.items()),
        ],
        "securityContext": restricted,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "helperPod": {"resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}},
        "configmap": {"helperPod": {"tolerations": [{"operator": "Exists"}]}},
    }
    return Chart(name="local-path-provisioner", values=values)


def _alerts() -> Manifest:
    return alerts(
        "storage",
        Alert(
            name="VolumeNotProvided",
            expression=(
                'kube_persistentvolumeclaim_status_phase{phase="Pending"} == 1'
                " and on (namespace, persistentvolumeclaim) kube_pod_spec_volumes_persistentvolumeclaims_info"
            ),
            pending="15m",
            severity="warning",
            summary="{{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} has waited 15 minutes for its volume",
            action="Read the claim's events: `kubectl describe pvc`.",
        ),
    )
