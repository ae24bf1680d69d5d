"""Loads of a cloud's SDK only the resources that the program uses.

`pulumi_aws.ec2` imports all of its two hundred resources when one of them is used, and `pulumi_gcp.compute` takes more than a second
of processor time: most of what a plan would cost. Each resource is a module of its own, though, so a package can find the module by
the name of the class. What can't be found that way falls back to the whole package: the worst that a new SDK can do is to be slow.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class _LeanPackage(ModuleType):
    """A package whose own code runs only if a name can't be found in one of its modules."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "outputs":  # only ever named in annotations, which are text
            from pulumi._utils import lazy_import

            return lazy_import(f"{self.__name__}.outputs")
        module = module_name(name)
        folder = Path(self.__path__[0])
        if (folder / f"{module}.py").exists():
            value = getattr(import_module(f"{self.__name__}.{module}"), name)
        elif (folder / name).is_dir():
            value = import_module(f"{self.__name__}.{name}")
        else:
            self.__spec__.loader.exec_module(self)  # type: ignore[union-attr]
            value = self.__dict__[name]
        self.__dict__[name] = value
        return value


def module_name(class_name: str) -> str:
    """The module of a resource's class, by the rule of the SDK's generator: VpcEndpoint in vpc_endpoint, IAMMember in iam_member."""
    return _WORDS.sub("_", class_name).lower()


def make_lean(sdk: str, packages: Iterable[str]) -> None:
    """Let packages of an SDK load resource by resource. To be called before the SDK is imported; afterwards it does nothing.

    Args:
        sdk: Such as pulumi_aws; it needn't be installed.
        packages: Its packages that are costly, such as ec2.
    """
    root = None if sdk in sys.modules else find_spec(sdk)
    if root is None or root.submodule_search_locations is None:
        return
    for package in packages:
        spec = PathFinder.find_spec(f"{sdk}.{package}", list(root.submodule_search_locations))
        if spec is not None and spec.submodule_search_locations is not None:
            sys.modules[spec.name] = _lean(spec)


def _lean(spec: ModuleSpec) -> ModuleType:
    package = module_from_spec(spec)
    package.__class__ = _LeanPackage
    return package
