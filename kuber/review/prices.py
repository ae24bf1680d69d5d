"""A price list of the user's own: what a review says of money comes from it, and from nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from config.complaints import from_pydantic
from config.errors import Problem, StackFileError, printable, shown
from config.model import Settings
from config.text import Text
from config.yaml_source import parse

HOURS_OF_A_MONTH = 730
"""As the clouds count: 8,760 hours of a year by twelve."""

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""An amount of the list's currency."""
_EXAMPLE = "such as `currency: EUR` and `machine_types: {m7i.large: {on_demand: 0.11, spot: 0.04}}`"


class PriceListError(Exception):
    """A price list can't be used; the text says what is wrong, where, and what would be right."""


class MachinePrices(Settings):
    """What a machine costs an hour."""

    on_demand: Price | None = None
    """A price an hour."""
    spot: Price | None = None
    """A price an hour as spot, or preemptible; on the average."""


class PriceList(Settings):
    """What things cost."""

    currency: Annotated[str, Text(r"[\w.€$£¥]{1,8}", "a currency such as EUR")]
    """What people call it, such as EUR."""
    control_plane: Mapping[Literal["eks", "gke"], Price] = {}
    """A cluster's control plane a month, by platform."""
    machine_types: Mapping[str, MachinePrices]
    """Prices by the cloud's name of a machine type, such as m7i.large."""

    def of_month(self, machine_type: str, capacity: str) -> float | None:
        """What a machine costs a month; None where the list doesn't say."""
        prices = self.machine_types.get(machine_type)
        hour = None if prices is None else prices.spot if capacity == "spot" else prices.on_demand
        return None if hour is None else hour * HOURS_OF_A_MONTH


def read_prices(file: Path) -> PriceList:
    """The price list of a file.

    Raises:
        PriceListError: it can't be read, or isn't one; the text says where and what would be right.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise PriceListError(f"{printable(str(file))}: not text in UTF-8") from None
    except OSError as error:
        raise PriceListError(f"{printable(str(file))}: can't be read: {error.strerror}") from None
    try:
        return _parsed(text, str(file))
    except StackFileError as error:
        raise PriceListError(str(error)) from None


def _parsed(text: str, file: str) -> PriceList:
    source = parse(text, file)
    if not isinstance(source.value, dict):
        what = "the file is empty" if source.value is None else "the file holds no keys"
        raise StackFileError(file, [Problem(message=what, found=shown(source.value), expected=_EXAMPLE)])
    try:
        return PriceList.model_validate(source.value)
    except ValidationError as error:
        found = [from_pydantic(detail, PriceList) for detail in error.errors(include_url=False)]
    raise StackFileError(file, [replace(problem, line=source.line_of(problem.path)) for problem in found])
