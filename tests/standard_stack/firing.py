"""Which alerts fire for which series, as tests of promtool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def case(series: Mapping[str, str], minutes: int, firing: Mapping[str, int]) -> dict[str, Any]:
    """One test: with these series, so many of each alert fire after so many minutes.

    Args:
        series: Values in promtool's notation, a minute apart, by series: "0+1x60".
        minutes: When it is looked.
        firing: How many alerts of a name fire then; 0 for one that stays silent.
    """
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
                "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": "{}", "value": count}],
            }
            for name, count in firing.items()
        ],
    }
