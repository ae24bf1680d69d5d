"""Who reaches a managed API server; alike on both clouds."""

from __future__ import annotations

from collections.abc import Iterator

from .addresses import private_range_problems, public_range_problems
from .errors import Problem
from .model import NamedCidrs, Settings
from .repeated import repeated


class Endpoint(Settings):
    """Who reaches the API server. Nodes always do, by the private endpoint."""

    private_cidrs: NamedCidrs = {}
    """Private ranges that reach the private endpoint, by name: offices, build machines, the data centre."""
    public_cidrs: NamedCidrs = {}
    """Public ranges for which a public endpoint is opened; without any there is none."""

    def conflicts(self) -> Iterator[Problem]:
        """Ranges that would not work, or would open too much."""
        yield from private_range_problems(self.private_cidrs, "private_cidrs")
        yield from public_range_problems(self.public_cidrs, "public_cidrs")
        yield from self._repeated()
        if not self.private_cidrs and not self.public_cidrs:
            yield Problem(
                message="nobody could reach the API server",
                expected="a range in `private_cidrs`, such as the office's VPN",
            )

    def _repeated(self) -> Iterator[Problem]:
        """Names and ranges that stand twice: a cloud knows each once."""
        groups = {"private_cidrs": self.private_cidrs, "public_cidrs": self.public_cidrs}
        for kind, name, owner in repeated(groups):
            if owner is None:
                yield Problem(
                    path=(kind, name), message=f"{name} is among the private ranges already", expected="another name"
                )
            else:
                yield Problem(
                    path=(kind, name),
                    message=f"{owner} has this range",
                    found=str(groups[kind][name]),
                    expected="each range once",
                )
