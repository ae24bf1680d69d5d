"""A stand-in for the drivers of volumes: claims get volumes, and volumes go as their class says."""

from __future__ import annotations

from collections.abc import Mapping

from kuber.rehearsal.api import Api, ApiError, Kind, Object
from kuber.rehearsal.control_plane.following import Follower

_CLAIM: Kind = ("v1", "PersistentVolumeClaim")
_CLASS: Kind = ("storage.k8s.io/v1", "StorageClass")
_NODE: Kind = ("v1", "Node")
_VOLUME: Kind = ("v1", "PersistentVolume")

_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_OURS = "rehearsal.kuber.dev/volume"
_ZONE, _HOSTNAME = "topology.kubernetes.io/zone", "kubernetes.io/hostname"


class Volumes:
    """Makes a volume for each claim that the controller asks a driver for, in the zone of the node that the scheduler chose.

    That a driver runs isn't asked, nor what it refuses; sizes aren't changed later.

    Args:
        api: The API server.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.followers = [Follower(api, _CLAIM, self._claimed), Follower(api, _VOLUME, self._released)]

    def _claimed(self, claim: Object) -> bool:
        annotations = claim["metadata"].get("annotations", {})
        driver = annotations.get(_PROVISIONER)
        if not driver or claim["spec"].get("volumeName") or "deletionTimestamp" in claim["metadata"]:
            return True
        storage_class = self._api.get(_CLASS, None, claim["spec"].get("storageClassName", ""))
        node = annotations.get(_SELECTED_NODE)
        if not storage_class:
            return False
        if storage_class.get("volumeBindingMode") == "WaitForFirstConsumer" and not node:
            return True
        place = {_HOSTNAME: node} if _is_folder(driver) else {_ZONE: self._zone_of(node)}
        try:
            self._api.create(_volume(claim, storage_class, driver, place))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        return True

    def _zone_of(self, node: str | None) -> str | None:
        """The zone of a node, or of any where none was chosen."""
        found = [self._api.get(_NODE, None, node)] if node else self._api.list(_NODE)
        zones = [one["metadata"].get("labels", {}).get(_ZONE) for one in found if one]
        return next((zone for zone in zones if zone), None)

    def _released(self, volume: Object) -> bool:
        metadata, phase = volume["metadata"], volume.get("status", {}).get("phase")
        goes = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete" and phase in ("Released", "Failed")
        if goes and _OURS in metadata.get("labels", {}) and "deletionTimestamp" not in metadata:
            self._api.delete(_VOLUME, None, metadata["name"])
        return True


def _is_folder(driver: str) -> bool:
    """Whether a driver makes folders on nodes: no CSI driver, whose names are of domain names' form, has such a name."""
    return "/" in driver


def _volume(claim: Object, storage_class: Object, driver: str, place: Mapping[str, str | None]) -> Object:
    """A volume for a claim; it is reached from nodes with the labels of its place alone."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    expressions = [{"key": key, "operator": "In", "values": [value]} for key, value in place.items() if value]
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": expressions}]}} if expressions else None
    folder = {"hostPath": {"path": f"/{name}", "type": "DirectoryOrCreate"}}
    reference = {key: metadata[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_PROVISIONED_BY: driver}, "labels": {_OURS: "true"}},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **reference},
            **(folder if _is_folder(driver) else {"csi": {"driver": driver, "volumeHandle": name}}),
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
            **({"nodeAffinity": affinity} if affinity else {}),
        },
    }
