"""Sites of the bucket gateway with all that follows from the platform: where a bucket answers, and who may read it."""

from __future__ import annotations

from dataclasses import dataclass

from components.identity.rights import AwsStatement, Rights
from config.standard_stack.bucket_gateway import BucketSite

from ..site import Site

GCS_HOST = "storage.googleapis.com"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A site, and the bucket behind it.

    Attributes:
        name: Of the site.
        settings: What the stack file says of it.
        host: Where the bucket answers.
        base: Path of the site's folder there, without a slash at its end.
        region: The bucket's, in S3.
    """

    name: str
    settings: BucketSite
    host: str
    base: str
    region: str | None

    @property
    def in_s3(self) -> bool:
        """Whether the bucket is in S3; in Google Cloud Storage otherwise."""
        return self.region is not None

    @property
    def signed(self) -> bool:
        """Whether the signing proxy stands between."""
        return self.in_s3 and self.settings.private

    @property
    def with_token(self) -> bool:
        """Whether requests carry a token of Google Cloud."""
        return not self.in_s3 and self.settings.private


def origins(site: Site) -> list[Origin]:
    """The sites, by name."""
    return [_origin(name, one, site) for name, one in sorted(site.stack.bucket_gateway.sites.items())]


def _origin(name: str, settings: BucketSite, site: Site) -> Origin:
    region = settings.region_on(site.settings)
    folder = f"/{settings.prefix}" if settings.prefix else ""
    host = f"{settings.bucket}.s3.{region}.amazonaws.com" if region else GCS_HOST
    base = folder if region else f"/{settings.bucket}{folder}"
    return Origin(name=name, settings=settings, host=host, base=base, region=region)


def rights(found: list[Origin]) -> Rights | None:
    """What the gateway may read of private buckets; None where all are public."""
    private = [one for one in found if one.settings.private]
    if not private:
        return None
    objects = sorted({f"arn:aws:s3:::{one.settings.bucket}{one.base}/*" for one in private if one.in_s3})
    keys = sorted({one.settings.kms_key for one in private if one.settings.kms_key})
    statements = [AwsStatement(actions=["s3:GetObject"], resources=objects)] if objects else []
    if keys:
        statements.append(AwsStatement(actions=["kms:Decrypt"], resources=keys))
    return Rights(
        aws_statements=statements,
        gcp_readable_buckets=sorted({one.settings.bucket for one in private if not one.in_s3}),
    )
