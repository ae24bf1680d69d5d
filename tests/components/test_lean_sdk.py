"""The SDK loaded resource by resource is the SDK."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from components.lean_sdk import module_name
from tests.support import PROJECT

IN_USE = ("ec2.Vpc", "ec2.LaunchTemplate", "eks.Cluster", "iam.Role", "vpc.SecurityGroupIngressRule", "Provider")


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_of_modules_follow_the_generator() -> None:
    names = ("VpcEndpoint", "IAMMember", "Eip", "NodePool", "CryptoKeyIAMMember", "EipAssociation")
    assert [module_name(name) for name in names] == [
        "vpc_endpoint",
        "iam_member",
        "eip",
        "node_pool",
        "crypto_key_iam_member",
        "eip_association",
    ]


def test_a_resource_loads_its_own_module_and_not_its_neighbours() -> None:
    program = (
        "import json, sys\n"
        "from components.lean_sdk import make_lean\n"
        "make_lean('pulumi_aws')\n"
        "import pulumi_aws as aws\n"
        "aws.ec2.Subnet\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('pulumi_aws.')]))\n"
    )
    loaded = json.loads(run(program))
    assert "pulumi_aws.ec2.subnet" in loaded
    assert "pulumi_aws.ec2.instance" not in loaded and "pulumi_aws.get_region" not in loaded


def test_classes_are_those_of_the_whole_sdk() -> None:
    program = (
        "import sys\n"
        "if sys.argv[1:] == []:\n"
        "    from components.lean_sdk import make_lean\n"
        "    make_lean('pulumi_aws')\n"
        "import pulumi_aws, inspect\n"
        f"for path in {IN_USE!r}:\n"
        "    found = pulumi_aws\n"
        "    for name in path.split('.'): found = getattr(found, name)\n"
        "    print(found.__module__, found.__qualname__, getattr(found, 'pulumi_type', ''), inspect.signature(found))\n"
    )
    whole = subprocess.run(
        [sys.executable, "-c", program, "whole"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert run(program) == whole.stdout


def test_what_has_no_module_of_its_own_is_found_in_the_whole_package() -> None:
    program = (
        "from components.lean_sdk import make_lean\n"
        "make_lean('pulumi_aws')\n"
        "import pulumi_aws as aws\n"
        "print(aws.eks.ClusterVpcConfigArgs.__name__, aws.eks.Cluster.__name__)\n"
        "try: aws.eks.NoSuchThing\n"
        "except AttributeError as error: print(error)\n"
    )
    assert run(program).splitlines() == [
        "ClusterVpcConfigArgs Cluster",
        "module 'pulumi_aws.eks' has no attribute 'NoSuchThing'",
    ]


def test_the_sdk_looks_at_what_is_unfinished_when_its_calls_are_done_and_not_at_each_of_them() -> None:
    assert looks(resources=20, first=True) == looks(resources=60, first=True) <= 3
    assert looks(resources=60, first=False) > 60


def looks(resources: int, *, first: bool) -> int:
    """How often the SDK looks at all unfinished outputs of a program whose resources each come after the one before."""
    return run_mocked(
        f"""
def declare():
    before = []
    for at in range({resources}):
        before = [pulumi.CustomResource("a:b:C", str(at), {{"at": at}}, pulumi.ResourceOptions(depends_on=before))]
    if {first}:
        lean_sdk.wait_for_calls_first()

count, wait = 0, asyncio.wait
async def counted(*arguments, **named):
    global count
    count += 1
    return await wait(*arguments, **named)
asyncio.wait = counted
""",
        told="count",
    )


def test_the_engine_is_told_of_each_resource_that_fails_and_of_none_that_goes_well() -> None:
    assert said(resources=2) == said(resources=5)
    assert not any("resource-1" in one for one in said(resources=2))
    assert sum("it is taken" in one for one in said(resources=2, failing=True) if "resource-" in one) == 2
    assert len(said(resources=5, spared=False)) > len(said(resources=2, spared=False)) + 9


def said(*, resources: int, failing: bool = False, spared: bool = True) -> list[str]:
    """What the SDK tells the engine of a program's resources for its own debugging."""
    return run_mocked(
        f"""
def declare():
    if {spared}:
        lean_sdk.leave_out_routine_messages()
        lean_sdk.leave_out_routine_messages()
    for at in range({resources}):
        pulumi.CustomResource("a:b:C", f"resource-{{at}}", {{"at": at}})

def refuse(args):
    raise Refused("it is taken")
if {failing}:
    Answers.new_resource = staticmethod(refuse)
""",
        told="Engine.said",
    )


def run_mocked(declared: str, *, told: str) -> Any:
    """Run a program's `declare` under the SDK's own mocks of engine and monitor.

    Args:
        declared: Code with `declare`, and what else is to be prepared before it runs.
        told: What of the program is wanted when it has ended, well or badly; may be written as JSON.
    """
    program = f"""
import asyncio, json, pulumi
from pulumi.runtime.mocks import MockEngine, MockMonitor, MockSettings, Mocks
from components import lean_sdk

class Refused(Exception):
    pass

class Answers(Mocks):
    def new_resource(self, args):
        return args.name, args.inputs
    def call(self, args):
        return {{}}

class Engine(MockEngine):
    said = []
    def Log(self, request):
        self.said.append(request.message)
{declared}
async def main():
    pulumi.runtime.configure(MockSettings(monitor=MockMonitor(Answers()), engine=Engine(None), project="p", stack="s"))
    try:
        await pulumi.runtime.run_in_stack(declare)
    except Refused:
        pass
asyncio.run(main())
print(json.dumps({told}))
"""
    return json.loads(run(program))
