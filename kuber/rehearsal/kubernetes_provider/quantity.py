"""Quantities as Kubernetes writes them: "1000m" is "1", "1024Mi" is "1Gi"."""

from __future__ import annotations

import math
import re
from fractions import Fraction

_FORM = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]?)|([KMGTPE]i)|[eE]([+-]?\d+))")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_NANO = Fraction(1, 10**9)


def canonical(text: str) -> str:
    """A quantity in canonical form: no fraction, and the largest suffix of its own kind that needs none.

    Source: k8s.io/apimachinery, pkg/api/resource (Quantity). What is smaller than a billionth is rounded away from zero; a binary one
    below 1024, or with a fraction, is written in decimals.

    Raises:
        ValueError: it is no quantity.
    """
    found = _FORM.fullmatch(text.strip())
    if not found or not (found[2] or found[3]):
        raise ValueError(f"{text!r} is no quantity")
    sign, whole, fraction, decimal, binary, exponent = found.groups()
    value = Fraction(int((whole or "0") + (fraction or ""))) / 10 ** len(fraction or "")
    if binary:
        value *= 1024 ** _BINARY.index(binary)
    else:
        value *= Fraction(10) ** (int(exponent) if exponent else _DECIMAL[decimal or ""])
    value = math.ceil(value / _NANO) * _NANO
    minus = "-" if sign == "-" and value else ""
    if binary and value >= 1024 and value.denominator == 1:
        return minus + _in_powers_of_1024(value.numerator)
    return minus + _in_powers_of_1000(value, with_exponent=exponent is not None)


def _in_powers_of_1024(value: int) -> str:
    power = 0
    while value % 1024 == 0 and power < len(_BINARY) - 1:
        value, power = value // 1024, power + 1
    return f"{value}{_BINARY[power]}"


def _in_powers_of_1000(value: Fraction, *, with_exponent: bool) -> str:
    if not value:
        return "0"
    exponent = -9
    scaled = (value / _NANO).numerator
    while scaled % 1000 == 0 and exponent < max(_DECIMAL.values()):
        scaled, exponent = scaled // 1000, exponent + 3
    if with_exponent:
        return f"{scaled}e{exponent}" if exponent else str(scaled)
    return f"{scaled}{next(suffix for suffix, power in _DECIMAL.items() if power == exponent)}"
