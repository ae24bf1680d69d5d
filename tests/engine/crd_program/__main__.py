"""One bundle of CRDs, in a cluster that is made with it: how to reach that is unknown in the first preview."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi_aws as aws

from components.charts.crd_bundle import CrdBundle, CrdBundleArgs
from components.charts.rendering import Crd

bundle = json.loads(Path("bundle.json").read_text(encoding="utf-8"))
cluster = aws.kms.Key("cluster", description=bundle["cluster"])
crds = {name: Crd(**facts) for name, facts in bundle["crds"].items()}
kubeconfig = cluster.id.apply(lambda _: bundle["kubeconfig"])
CrdBundle("operator", CrdBundleArgs(version=bundle["version"], crds=crds, kubeconfig=kubeconfig, cluster=cluster))
