"""The command line itself: what commands there are, and how each is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from .charts_app import charts_app
from .errors import told_plainly
from .fleet_app import fleet_app
from .options import Project, ReviewedStacks, Stack, Stacks, complete_pool, complete_zone

_OVERVIEW = """Kubernetes clusters on EKS, GKE and your own machines, from one stack file each.

\b
Try:
  kuber plan prod-eks     what the stack file makes, without credentials
  kuber validate          check all stack files, in a moment
  kuber review            what the working tree does to clusters, on origin/main
  kuber new-cluster stage-eks --like prod-eks
  kuber rehearse prod-eks --base origin/main
"""


class _Commands(TyperGroup):
    """Ends each command as `told_plainly` says; around the command itself, since typer ends Ctrl-C without a word."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        with told_plainly():
            return super().invoke(ctx)


app = typer.Typer(
    name="kuber",
    cls=_Commands,
    help=_OVERVIEW,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(charts_app)
app.add_typer(fleet_app)


@app.command()
def plan(
    stack: Stack,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the plan as JSON to a file; - for standard output.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write the plan as a page to a file, with a picture of the cluster.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Fail where charts aren't here, as the engine does; else the rest is planned."),
    ] = False,
    project: Project = None,
) -> None:
    """Show what a stack file makes: components, pools, CRDs, what only the cloud will tell, warnings.

    Runs the whole program in this process. Needs no credential, no network and no engine; charts come from the cache that
    `kuber charts fetch` fills, and are rendered by helm.

    \b
    Examples:
      kuber plan prod-eks
      kuber plan prod-eks --json plan.json
      kuber plan prod-eks --json - | jq '.resources[].urn'
      kuber plan prod-eks --html plan.html
      kuber plan prod-eks --strict
    """
    from .plan import run

    run(stack, json_file=json_file, html_file=html_file, strict=strict, project=project)


@app.command()
def review(  # noqa: PLR0917 - each option of a command is an argument
    stacks: ReviewedStacks = None,
    base: Annotated[
        str, typer.Option(help="Git revision to compare with, at the commit where the working tree left its history.")
    ] = "origin/main",
    engine: Annotated[
        bool, typer.Option("--engine", help="Ask `pulumi preview` of the stacks, which needs its credentials.")
    ] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Also rehearse each cluster that changes, which takes minutes.")
    ] = False,
    prices: Annotated[
        Path | None, typer.Option(help="Price list, for money per month before and after.", show_default=False)
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show the differences of rendered manifests on the terminal too.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the review as JSON to a file; - for standard output.")
    ] = None,
    markdown_file: Annotated[
        Path | None,
        typer.Option("--markdown", help="Write it as Markdown for a comment, at most 60,000 characters; or -."),
    ] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write it as a page to a file; or -.")] = None,
    post: Annotated[
        Literal["github", "gitlab"] | None,
        typer.Option(help="Comment on the pull or merge request that the job's environment names.", show_default=False),
    ] = None,
    page_url: Annotated[
        str, typer.Option(metavar="URL", help="Where the page will be, for a link in the comment.", show_default=False)
    ] = "",
    fail_on: Annotated[
        Literal["high", "medium", "low", "never"], typer.Option(help="Exit with 1 if a danger is this high.")
    ] = "never",
    project: Project = None,
) -> None:
    """Tell what a change will do to real clusters: dangers first, then each change by component, before and after.

    Compares the plans of the working tree with those of a git revision; needs no credential. Charts come from the cache
    that `kuber charts fetch` fills, at both versions' releases. `-` in place of stacks reads what `pulumi preview
    --json --show-sames` writes, and gives the same report with the engine's own verdicts. Secrets are never shown.

    Exits with 0 also where there are dangers, unless --fail-on says otherwise; with 1 if that or a rehearsal fails, or
    a comment can't be written; with 2 if a stack file is broken.

    \b
    Examples:
      kuber review
      kuber review prod-eks --base HEAD~1 --diff
      kuber review --base origin/main --html review.html --prices prices.yaml
      kuber review --base origin/main --post github --fail-on high
      pulumi preview --json --show-sames --stack prod-eks | kuber review -
      kuber review --engine prod-eks
    """
    from .review import Wanted, run

    wanted = Wanted(
        stacks=stacks or (),
        base=base,
        engine=engine,
        rehearse=rehearse,
        prices=prices,
        diffs=diff,
        json_file=json_file,
        markdown_file=markdown_file,
        html_file=html_file,
        post=post,
        page_url=page_url,
        fail_on=fail_on,
    )
    run(wanted, project)


@app.command()
def validate(
    stacks: Stacks = None,
    base: Annotated[
        str,
        typer.Option(
            help="Git revision to compare Kubernetes versions with: a control plane moves one minor at a time."
        ),
    ] = "HEAD",
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
    project: Project = None,
) -> None:
    """Check stack files alone: every key, and what keys say together, also across files.

    Exits with 1 if there is a problem.

    \b
    Examples:
      kuber validate
      kuber validate prod-eks prod-gke
      kuber validate --base origin/main --json
    """
    from .validate import run

    run(stacks, base, as_json, project)


@app.command()
def schema(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if the files are not up to date.")
    ] = False,
    project: Project = None,
) -> None:
    """Write the JSON schema of stack files, by which editors complete and check them, and their reference.

    \b
    Examples:
      kuber schema
      kuber schema --check
    """
    from .schema import run

    run(check, project)


PlatformOption = Annotated[
    Literal["eks", "gke", "bare_metal"] | None, typer.Option("--platform", help="The platform.", show_default=False)
]


@app.command()
def versions(
    platform: PlatformOption = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Bring the table up to date first, with aws, gcloud and dl.k8s.io.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
    upstream_url: Annotated[
        str | None,
        typer.Option(help="A mirror of dl.k8s.io, where Kubernetes publishes its releases.", show_default=False),
    ] = None,
    project: Project = None,
) -> None:
    """Show which Kubernetes versions there are: patch, adoption, end of support, and the stacks that run them.

    The table is a file of the repository, so this needs no network. --refresh needs the AWS and Google Cloud command
    lines, logged in; what is missing is skipped, and said. Exits with 1 if nothing could be refreshed.

    \b
    Examples:
      kuber versions
      kuber versions --platform eks --json
      kuber versions --refresh
    """
    from .versions import run

    run(platform, refresh, as_json, upstream_url, project)


@app.command()
def nodes(
    stack: Stack,
    as_json: Annotated[bool, typer.Option("--json", help="Print nodes and differences as JSON.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that it may take, a log-in included.", min=1)] = 30,
    project: Project = None,
) -> None:
    """Compare the inventory of a bare-metal cluster with its live nodes.

    Tells nodes that are missing, unknown, not ready, or have another address, role, version, labels or taints than the
    stack file says. Asks by kubectl and the stack file's credential plugin. Changes nothing; exits with 1 if something
    differs.

    \b
    Examples:
      kuber nodes colo-london
      kuber nodes colo-london --json | jq '.problems[].node'
    """
    from .nodes import run

    run(stack, as_json, timeout, project)


@app.command()
def rehearse(  # noqa: PLR0917 - each option of a command is an argument
    stack: Stack,
    base: Annotated[
        str | None,
        typer.Option(
            help="Git revision that is there before, such as origin/main; nothing unless given: a new cluster.",
            show_default=False,
        ),
    ] = None,
    interrupt_pool: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:50%]",
            help="Then take a spot pool away, or a part of it; repeat.",
            show_default=False,
            autocompletion=complete_pool,
        ),
    ] = None,
    lose_zone: Annotated[
        str | None,
        typer.Option(help="Then lose all nodes of a zone.", show_default=False, autocompletion=complete_zone),
    ] = None,
    kill_engine_at: Annotated[
        int | None,
        typer.Option(metavar="N", help="Kill the engine after N steps of the change, and recover.", min=1),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the result as JSON to a file; - for standard output.")
    ] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the result as a page to a file.")] = None,
    project: Project = None,
) -> None:
    """Try a change on a simulated cluster on this machine, before it is made: a dress rehearsal.

    Brings up the base with the real engine on a real control plane and simulated clouds, lets workloads run on it,
    applies the working tree, does what is asked for to the cluster, and destroys it. Tells what the API server rejects,
    what is replaced, which pods move or wait, how low disruption budgets go, and what is left behind. Says in each
    result what stood in for the real thing. Exits with 1 if something broke.

    Needs no credential and no network; charts come from the cache that `kuber charts fetch` fills, and programs that
    aren't on this machine are built by `make tools`.

    \b
    Examples:
      kuber rehearse prod-eks
      kuber rehearse prod-eks --base origin/main --html rehearsal.html
      kuber rehearse prod-eks --interrupt-pool workers-spot
      kuber rehearse prod-eks --interrupt-pool workers-spot:50%
      kuber rehearse prod-eks --base HEAD~1 --lose-zone eu-west-1a
      kuber rehearse prod-eks --base origin/main --kill-engine-at 40
    """
    from .rehearse import run

    run(
        stack,
        base=base,
        interrupt=interrupt_pool or (),
        lose_zone=lose_zone,
        kill_engine_at=kill_engine_at,
        json_file=json_file,
        html_file=html_file,
        project=project,
    )


@app.command("new-cluster")
def new_cluster(  # noqa: PLR0917 - each option of a command is an argument
    name: Annotated[str, typer.Argument(help="Name of the new stack, which is its cluster's.")],
    platform: PlatformOption = None,
    like: Annotated[str | None, typer.Option(help="Take this stack's file as the pattern, comments and all.")] = None,
    environment: Annotated[
        Literal["production", "stage", "development"] | None, typer.Option(help="What the cluster is for.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Region of the cloud.")] = None,
    zone: Annotated[list[str] | None, typer.Option(help="A zone of the region; repeat. Three unless given.")] = None,
    account_id: Annotated[str | None, typer.Option(help="AWS account.")] = None,
    project_id: Annotated[str | None, typer.Option(help="Google Cloud project.")] = None,
    project_number: Annotated[str | None, typer.Option(help="Number of the Google Cloud project.")] = None,
    admin: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PRINCIPAL", help="Who has all rights; repeat.")
    ] = None,
    private_cidr: Annotated[
        list[str] | None, typer.Option(metavar="NAME=CIDR", help="A range that reaches the API server; repeat.")
    ] = None,
    kubernetes: Annotated[
        str | None,
        typer.Option(
            help="Kubernetes minor; the newest that may be adopted, or the pattern's. On bare metal what the machines run."
        ),
    ] = None,
    from_range: Annotated[
        str | None,
        typer.Option(metavar="CIDR", help="Take a cloud's address ranges from here; from 10.0.0.0/8 unless given."),
    ] = None,
    site: Annotated[str | None, typer.Option(help="Data centre of the machines.")] = None,
    inventory: Annotated[
        Path | None,
        typer.Option(help="CSV file of machines: name,address,role,zone,pool.", dir_okay=False, exists=True),
    ] = None,
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Kubeconfig that reaches the machines' cluster.", dir_okay=False, exists=True)
    ] = None,
    context: Annotated[str | None, typer.Option(help="Its context; the user must have a credential plugin.")] = None,
    machines_cidr: Annotated[str | None, typer.Option(metavar="CIDR", help="Range of the machines.")] = None,
    pods_cidr: Annotated[str | None, typer.Option(metavar="CIDR", help="Range of the machines' pods.")] = None,
    services_cidr: Annotated[str | None, typer.Option(metavar="CIDR", help="Range of their services.")] = None,
    load_balancers_cidr: Annotated[str | None, typer.Option(metavar="CIDR", help="Range for load balancers.")] = None,
    plan: Annotated[bool, typer.Option("--plan/--no-plan", help="Show the plan at the end.")] = True,
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the stack file; write nothing.")] = False,
    project: Project = None,
) -> None:
    """Write the stack file of a new cluster, with address ranges that are free, and show its plan.

    Ranges keep clear of all that the other stack files name; a cluster of machines is there already, with ranges that
    are given. What would be written is validated first; a file that is there is never overwritten.

    Examples:

    \b
      kuber new-cluster stage-eks --like prod-eks --environment stage

    \b
      kuber new-cluster stage-gke --platform gke --environment stage \\
        --region europe-west1 --project-id shop-stage \\
        --project-number 481516234299 \\
        --admin platform-team=group:platform@example.com \\
        --private-cidr office-vpn=10.250.0.0/20

    \b
      kuber new-cluster colo-paris --platform bare_metal --site paris \\
        --environment production --inventory machines.csv \\
        --kubeconfig ~/.kube/config --context paris --kubernetes 1.36 \\
        --machines-cidr 10.60.0.0/20 --load-balancers-cidr 10.60.15.0/24 \\
        --pods-cidr 10.61.0.0/16 --services-cidr 10.62.0.0/16
    """
    from .new_cluster import request, run

    wanted = request(
        name,
        from_range=from_range,
        admins=admin,
        private_cidrs=private_cidr,
        platform=platform,
        like=like,
        environment=environment,
        kubernetes=kubernetes,
        region=region,
        zones=zone or (),
        account_id=account_id,
        project_id=project_id,
        project_number=project_number,
        site=site,
        inventory=inventory,
        kubeconfig=kubeconfig,
        context=context,
        machines_cidr=machines_cidr,
        pods_cidr=pods_cidr,
        services_cidr=services_cidr,
        load_balancers_cidr=load_balancers_cidr,
    )
    run(wanted, stdout, plan, project)
