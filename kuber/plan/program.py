"""Runs the program for a stack file in this process, and gives its plan."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from components.lean_sdk import make_lean
from config.cluster import ClusterSettings
from config.stack_file import CONFIG_KEY, cluster_value, read, read_source, stack_file_path
from kuber.project import PROJECT_NAME

from .document import Plan
from .errors import PlanError
from .fingerprints import Fingerprints


def plan_stack(stack: str, project: Path, *, strict: bool = False, fingerprints: Fingerprints | None = None) -> Plan:
    """The plan of `Pulumi.<stack>.yaml`.

    The program is the one that the engine runs, `__main__.py`; it sees a preview of a stack that doesn't exist yet. Runs once in a
    process: the SDK keeps its settings in the process.

    Args:
        stack: Name of the stack.
        project: The project's folder.
        strict: Fail where charts aren't here, as the engine does, rather than plan the rest.
        fingerprints: Marks secrets, so that plans can be compared; without, nothing at all is told of them.

    Raises:
        StackFileError: the stack file can't be used.
        PlanError: the program asks for what can't be planned.
    """
    settings = read(stack, project)  # all that is wrong with the file is said before the SDK is loaded
    cluster = cluster_value(read_source(stack_file_path(stack, project)))
    if fingerprints:
        cluster = fingerprints.instead_of_encrypted(cluster)
    handed_over = json.dumps(cluster, sort_keys=True)  # as the engine does
    return _run(stack, project, settings, handed_over, strict=strict, fingerprints=fingerprints)


def _run(
    stack: str,
    project: Path,
    settings: ClusterSettings,
    cluster: str,
    *,
    strict: bool,
    fingerprints: Fingerprints | None,
) -> Plan:
    make_lean("pulumi.automation")  # the SDK's way to drive an engine, of no use without one
    make_lean("pulumi.dynamic")  # loads what pickles providers, for programs that have dynamic resources
    import pulumi.runtime
    from pulumi.runtime.mocks import MockEngine, MockSettings

    from clusters.errors import UnsupportedError
    from components.standard_stack.absence import going_without

    from .monitor import PlanMonitor, WarningLog
    from .quick_sdk import make_quick
    from .registration import masked

    make_quick()
    monitor, log = PlanMonitor(fingerprints.mask if fingerprints else masked), WarningLog()
    logger = logging.Logger("kuber.program")
    logger.addHandler(log)
    pulumi.runtime.set_all_config({CONFIG_KEY: cluster})
    pulumi.runtime.configure(
        MockSettings(
            monitor=monitor,
            monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
            engine=MockEngine(logger),
            project=PROJECT_NAME,
            stack=stack,
            dry_run=True,
            organization=None,
            callbacks=None,
        )
    )
    with _working_in(project), nullcontext(()) if strict else going_without() as incomplete:
        try:
            asyncio.run(_in_stack())
        except (UnsupportedError, pulumi.RunError) as error:
            raise PlanError(str(error)) from error
    resources = [monitor.registered[urn] for urn in sorted(monitor.registered)]
    return Plan(
        stack=stack,
        settings=settings,
        resources=resources,
        outputs=monitor.outputs,
        incomplete=tuple(incomplete),
        warnings=tuple(log.messages),
    )


class _AtOnce(ThreadPoolExecutor):
    """Calls the monitor right here: it answers at once, and handing each call to a thread and back costs more than the call."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """What the call gave, or how it failed; done already."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


async def _in_stack() -> None:
    import pulumi.runtime

    asyncio.get_running_loop().set_default_executor(_AtOnce())
    await pulumi.runtime.run_in_stack(_program)


async def _program() -> None:
    """The program, and then all that it has set going.

    The SDK would wait for that itself, but looks at everything unfinished each time that one thing is finished: of a thousand
    resources that makes a million looks.
    """
    from pulumi.runtime import settings

    runpy.run_path("__main__.py", run_name="__main__")
    outstanding: set[asyncio.Task[object]] = settings.SETTINGS.outputs  # pyright: ignore[reportAttributeAccessIssue]
    while unfinished := [task for task in outstanding if not task.done()]:
        await asyncio.wait(unfinished)


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """The folder as working folder and first place of imports, as the engine's language host has it."""
    before = Path.cwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        os.chdir(before)
