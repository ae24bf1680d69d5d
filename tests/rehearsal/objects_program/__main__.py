"""Makes the Kubernetes objects of objects.json, with the options that stand there, in the cluster of kubeconfig.json."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

here = Path(__file__).parent
described = json.loads((here / "objects.json").read_text(encoding="utf-8"))
cluster = k8s.Provider("cluster", kubeconfig=(here / "kubeconfig.json").read_text(), **described["provider"])
made: dict[str, pulumi.Resource] = {}
for one in described["objects"]:
    manifest, options = one["manifest"], dict(one["options"])
    version = manifest["apiVersion"] if "/" in manifest["apiVersion"] else f"core/{manifest['apiVersion']}"
    kind = manifest["kind"] + ("Patch" if options.pop("patch", False) else "")
    needs = [made[name] for name in options.pop("needs", [])]
    secret = {field: pulumi.Output.secret(manifest[field]) for field in options.pop("secret", [])}
    made[one["name"]] = pulumi.CustomResource(
        f"kubernetes:{version}:{kind}",
        one["name"],
        {**manifest, **secret},
        pulumi.ResourceOptions(provider=cluster, depends_on=needs, **options),
    )
