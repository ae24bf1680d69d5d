"""A price list of the user's own: what a review says of money comes from it, and from nowhere else."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

HOURS_OF_A_MONTH = 730
"""As the clouds count: 8,760 hours of a year by twelve."""

Price = float


class PriceListError(Exception):
    """A price list can't be used; the text says why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MachinePrices(_Strict):
    """What a machine costs an hour.

    Attributes:
        on_demand: As it is.
        spot: As spot, or preemptible; on the average.
    """

    on_demand: float | None = Field(None, ge=0)
    spot: float | None = Field(None, ge=0)


class PriceList(_Strict):
    """What things cost.

    Attributes:
        currency: For people: "EUR".
        control_plane: A cluster's control plane a month, by platform: `eks`, `gke`.
        machine_types: Machines, by the cloud's name of their type.
    """

    currency: str = Field(min_length=1, max_length=8)
    control_plane: dict[str, float] = {}
    machine_types: dict[str, MachinePrices]

    def of_month(self, machine_type: str, capacity: str) -> Price | None:
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
        told = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
        return PriceList.model_validate(told)
    except OSError as error:
        raise PriceListError(f"{file}: can't be read: {error.strerror}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise PriceListError(f"{file}: not YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        told = "\n".join(
            f"{file}: {'.'.join(map(str, one['loc'])) or 'all of it'}: {one['msg']}" for one in error.errors()
        )
        raise PriceListError(
            f"{told}\n    expected: currency: EUR, machine_types: {{m7i.large: {{on_demand: 0.11, spot: 0.04}}}} (an hour), "
            "and control_plane: {eks: 73} (a month) where it costs something"
        ) from None
