"""The resources of resources.json: {name: {"type", "properties", "options", "region"}}; {"ref": "NAME.OUTPUT"} is another's output.

It starts quickly, since it imports no cloud's SDK.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi

made: dict[str, pulumi.CustomResource] = {}
described: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("resources.json").read_text())


def read_of(name: str) -> set[str]:
    """The outputs of a resource that others refer to: only those does the SDK hand over."""
    text = json.dumps(described)
    return {part.split('"')[0] for part in text.split(f'{{"ref": "{name}.')[1:]} - {"id"}


def value(of: Any) -> Any:
    """A property with references and secrets made real."""
    if isinstance(of, list):
        return [value(one) for one in of]
    if not isinstance(of, dict):
        return of
    if "ref" in of:
        name, output = of["ref"].split(".")
        return made[name].id if output == "id" else pulumi.get(made[name], output)
    if "secret" in of:
        return pulumi.Output.secret(value(of["secret"]))
    return {key: value(one) for key, one in of.items()}


class Provider(pulumi.ProviderResource):
    """The provider of a cloud, configured."""


settings = {
    "aws": {
        "region": "eu-west-1",
        "allowedAccountIds": json.dumps(["210987654321"]),
        "defaultTags": json.dumps({"tags": {"kuber:cluster": "small"}}),
    },
    "gcp": {"project": "small-project", "region": "europe-west1"},
    "vault": {"address": "https://vault.example"},
}
clouds: dict[tuple[str, str], Provider] = {}


def provider(package: str, region: str) -> Provider:
    """The provider of a package, in a region of its own if one is given."""
    if (package, region) not in clouds:
        configured = {**settings[package], **({"region": region} if region else {})}
        clouds[package, region] = Provider(package, f"{package}{region}", configured)
    return clouds[package, region]


for name, one in described.items():
    options = dict(one.get("options", {}))
    after = [made[other] for other in options.pop("after", [])]
    cloud = provider(one["type"].partition(":")[0], one.get("region", ""))
    made[name] = pulumi.CustomResource(
        one["type"],
        name,
        {**dict.fromkeys(read_of(name)), **value(one["properties"])},
        pulumi.ResourceOptions(provider=cloud, depends_on=after, **options),
    )
