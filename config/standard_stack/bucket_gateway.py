"""Single-page apps out of object-storage buckets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ..errors import Problem, shown
from ..model import Name, Settings
from ..platforms import ObjectStorage
from ..text import Text
from .part import ContainerResources, HostName, PartSettings

if TYPE_CHECKING:
    from ..cluster import ClusterSettings

_YEAR = 365 * 24 * 3600
_IMMUTABLE = r"^/(assets|static|_next/static)/.*[.-][A-Za-z0-9_-]{8,}\.[A-Za-z0-9]+$"
"""Folders of Vite, Create React App and Next.js, and the hash before the extension."""

BucketName = Annotated[
    str, Text(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", "a bucket's name such as shop-frontend, without s3:// or gs://")
]
Prefix = Annotated[
    str,
    Text(
        r"([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?",
        "a folder such as web/current, without slashes around it",
    ),
]
Region = Annotated[str, Text(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as eu-west-1")]
KeyArn = Annotated[str, Text(r"arn:aws:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]{36}", "a key's ARN")]


class SiteCaching(Settings):
    """What browsers and CDNs are told about keeping files. Documents, whose names end in .html or /, are always asked for anew."""

    immutable: Annotated[str, Text(r'[^\s"]*', "a regular expression without blanks and quotes")] = _IMMUTABLE
    """Paths of files that never change, since a hash of the content is in the name; empty for none."""
    immutable_seconds: Annotated[int, Field(ge=0)] = _YEAR
    """How long those are kept."""
    other_seconds: Annotated[int, Field(ge=0)] = 300
    """How long other files are kept before they are asked for anew."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        try:
            re.compile(self.immutable)
        except re.error as error:
            yield Problem(
                path=("immutable",), message=f"not a regular expression: {error}", found=shown(self.immutable)
            )


class BucketSite(Settings):
    """A host name in front of a bucket."""

    host: HostName
    """Whose requests are answered."""
    bucket: BucketName
    prefix: Prefix = ""
    """The folder within the bucket that is served; nothing outside it can be reached."""
    provider: ObjectStorage | None = None
    """Whose bucket it is; the platform's own cloud unless given."""
    region: Region | None = None
    """Region of a bucket in S3; the cluster's own unless given."""
    private: bool = False
    """The bucket isn't public: the gateway gets the right to read it. In the cluster's own cloud only."""
    kms_key: KeyArn | None = None
    """The key of a private bucket in S3 that is encrypted under a key of its own (SSE-KMS)."""
    ingress_class: Literal["public", "internal"] = "public"
    """Who reaches it: the internet, or the company's own networks."""
    issuer: Name | None = None
    """The ClusterIssuer of the host's certificate; `letsencrypt` for public hosts, `vault` for internal ones unless given."""
    index_fallback: bool = True
    """A path that isn't there and looks like no file gets /index.html, whose program knows the route."""
    cache: SiteCaching = SiteCaching()

    @property
    def certificate_issuer(self) -> str:
        """The ClusterIssuer, given or by the class."""
        return self.issuer or ("letsencrypt" if self.ingress_class == "public" else "vault")

    def storage_on(self, cluster: ClusterSettings) -> ObjectStorage | None:
        """Whose bucket it is; None where neither the stack file nor the platform tells."""
        return self.provider or cluster.object_storage

    def region_on(self, cluster: ClusterSettings) -> str | None:
        """The bucket's region; None where it isn't in S3, or nothing tells."""
        if self.storage_on(cluster) != "s3":
            return None
        return self.region or (getattr(cluster, "region", None) if cluster.object_storage == "s3" else None)

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        """What can't be on this platform."""
        storage = self.storage_on(cluster)
        if storage is None:
            yield Problem(
                path=("provider",), message=f"{cluster.platform} has no buckets of its own", expected="gcs or s3"
            )
            return
        if storage == "s3":
            yield from self._s3_problems(cluster)
        elif self.region or self.kms_key:
            key = "region" if self.region else "kms_key"
            yield Problem(path=(key,), message="is of S3, and the bucket is in Google Cloud Storage", hint="remove it")
        if self.private and storage != cluster.object_storage:
            yield Problem(
                path=("private",),
                message=f"workloads on {cluster.platform} have no rights in {storage}, short of a key that never ends",
                expected="a public bucket, or one that lets the cluster's addresses in",
            )

    def _s3_problems(self, cluster: ClusterSettings) -> Iterator[Problem]:
        region = self.region_on(cluster)
        if region is None:
            yield Problem(path=("region",), message="where is the bucket?", expected="a region such as eu-west-1")
        elif self.private and region != getattr(cluster, "region", region):
            yield Problem(
                path=("region",),
                message="a private bucket is in the cluster's own region, for which requests are signed",
                found=shown(region),
            )
        if "." in self.bucket or "_" in self.bucket or len(self.bucket) > 63:
            yield Problem(
                path=("bucket",),
                message="can't be reached over TLS: S3's certificate covers names without dots",
                found=shown(self.bucket),
                expected="at most 63 small letters, digits and dashes",
            )
        if self.kms_key and not self.private:
            yield Problem(path=("kms_key",), message="is for private buckets: nobody reads a public one under a key")


class BucketGatewaySettings(PartSettings):
    """A small NGINX of our own in front of buckets with single-page apps, in Google Cloud Storage or S3, behind the ingress."""

    needs: ClassVar[tuple[str, ...]] = ("certificates", "ingress")

    enabled: bool = False
    sites: dict[Name, BucketSite] = {}
    """Hosts, each with the bucket that it shows."""
    replicas: Annotated[int, Field(ge=1, le=20)] = 2
    resources: ContainerResources = ContainerResources(cpu="50m", memory="64Mi", memory_limit="128Mi")
    """Of each gateway."""
    signer: ContainerResources = ContainerResources(cpu="50m", memory="64Mi", memory_limit="256Mi")
    """Of the proxy beside it that signs requests to private buckets in S3, and holds each answer in memory as a whole."""

    def issuers_asked(self) -> Mapping[str, str]:
        return {site.host: site.certificate_issuer for site in self.sites.values()}

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.enabled and not self.sites:
            yield Problem(path=("sites",), message="the gateway has nothing to show", expected="a host and a bucket")
        first: dict[str, str] = {}
        for name, site in self.sites.items():
            if first.setdefault(site.host, name) != name:
                yield Problem(
                    path=("sites", name, "host"),
                    message=f"is the host of {first[site.host]} too",
                    found=shown(site.host),
                )

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        for name, site in self.sites.items():
            yield from (problem.below("sites", name) for problem in site.problems_on(cluster))
