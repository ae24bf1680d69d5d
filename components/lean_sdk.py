"""Loads of a cloud's SDK only the resources that the program uses.

`pulumi_aws.ec2` imports all of its two hundred resources when one of them is used, and `pulumi_gcp.compute` takes more than a second
of processor time: more than all the rest of a plan. Each resource is a module of its own, though, so a package can find the module by
the name of the class. What can't be found that way loads the package as ever: the worst that a new SDK can do is to be slow.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ROUTINE = (
    "beginning rpc ",
    "registering resource: ",
    "resource registration prepared: ",
    "resource registration successful: ",
    "top-level input property translated: ",
    "transforming input property: ",
    "incoming output property translated: ",
    "incoming output value translated: ",
    "looking for resolver using translated name ",
)


def make_lean(sdk: str) -> None:
    """Let an SDK load resource by resource. To be called before the SDK is imported; afterwards it does nothing.

    Resources that are handed from one program to another are not told by type then, as no package announces its own; the program
    has none.

    Args:
        sdk: Such as pulumi_aws, or a package of one; what isn't installed is left to fail where it is imported.
    """
    if sdk in sys.modules:
        return
    parent = find_spec(sdk.rpartition(".")[0]) if "." in sdk else None
    _lean_package(sdk, list(parent.submodule_search_locations or ()) if parent else None)


def spare_the_engine() -> None:
    """All of the following, while the program runs: what the SDK has the engine do for each resource and nobody needs."""
    leave_out_stack_traces()
    leave_out_routine_messages()
    wait_for_calls_first()


def leave_out_stack_traces() -> None:
    """Keep from the state where in the program each resource was declared.

    The SDK sends a stack trace with each resource, and the engine keeps it: a sixth of the state of a whole cluster, of which nothing
    is ever read, and which holds paths of the machine that ran it. A newer SDK without that needs nothing.
    """
    from pulumi.runtime import resource
    from pulumi.runtime.proto import source_pb2

    if hasattr(resource, "_get_stack_trace"):
        none = source_pb2.StackTrace()
        resource._get_stack_trace = lambda: none


def leave_out_routine_messages() -> None:
    """Keep from the engine what the SDK says of each resource for its own debugging.

    Each of these messages, four a resource and more, is a call that all of the program waits for: a fifth of its processor time for a
    whole cluster. The engine shows them by `pulumi --debug` alone, and some hold values as they are. Its own log (`pulumi -v=9
    --logtostderr`) tells of each registration too. What the SDK says when something fails is kept.
    """
    from pulumi import log

    if not isinstance(log.debug, _Debug):
        log.debug = _Debug(log.debug)


class _Debug:
    """The SDK's way to tell of what it does, without what it does for each resource."""

    def __init__(self, told: Callable[..., None]) -> None:
        self._told = told

    def __call__(self, msg: str, *args: Any, **others: Any) -> None:
        if not msg.startswith(_ROUTINE):
            self._told(msg, *args, **others)


def wait_for_calls_first() -> None:
    """Let the SDK wait for its calls to the engine, and only then look at what else is unfinished.

    When a program is at its end, none of its calls has begun, since it left no turn to them. The SDK sees none, goes on to the
    outputs, and looks at all of them each time that one is finished: for the 470 resources of a whole cluster half of the program's
    processor time, and it grows with the square. To be called while the program runs, once.
    """
    from pulumi.runtime import settings

    settings._get_rpc_manager().rpcs.append(_OneTurn())


class _OneTurn:
    """Done when all that could go on has had its turn; whatever is set going by then is seen."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def _lean_package(name: str, parent_path: list[str] | None) -> ModuleType | None:
    spec = PathFinder.find_spec(name, parent_path)
    if spec is None or spec.submodule_search_locations is None:
        return None
    package = module_from_spec(spec)
    package.__class__ = _LeanPackage
    sys.modules[name] = package
    return package


class _LeanPackage(ModuleType):
    """A package whose own code runs only if a name can't be found in one of its modules."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = self._found(name)
        self.__dict__[name] = value
        return value

    def _found(self, name: str) -> Any:
        folder = Path(self.__path__[0])
        if name == "outputs":  # named in annotations alone, of which most are never read
            from pulumi._utils import lazy_import

            return lazy_import(f"{self.__name__}.outputs")
        if (
            folder / f"{name}.py"
        ).exists():  # a helper module, or a Kubernetes kind, whose module has the name of the class
            module = import_module(f"{self.__name__}.{name}")
            return getattr(module, name, module)
        if (folder / name).is_dir():
            return _lean_package(f"{self.__name__}.{name}", list(self.__path__))
        if (folder / f"{module_name(name)}.py").exists():
            return getattr(import_module(f"{self.__name__}.{module_name(name)}"), name)
        return self._loaded_whole(name)

    def _loaded_whole(self, name: str) -> Any:
        """The name in the package as it would have been without this; types of arguments are found here."""
        assert self.__spec__ is not None and self.__spec__.loader is not None
        self.__class__ = ModuleType  # pyright: ignore[reportAttributeAccessIssue]
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def module_name(class_name: str) -> str:
    """The module of a resource's class, by the rule of the SDK's generator: VpcEndpoint in vpc_endpoint, IAMMember in iam_member."""
    return _WORDS.sub("_", class_name).lower()
