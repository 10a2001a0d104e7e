"""Make data/lesson: three short runs, for the steps of the lesson that come before the live one.

Run ``python data/recipes/lesson.py`` in the repository root; it trains for about a minute. The
tables are what `core.runs.results.curves` reads of the runs, rounded to five digits.
"""

import os
import tempfile

import pandas as pd

from core.runs.groups.lesson import CONFIG, RECORDED
from core.runs.process.local import create
from core.runs.process.worker import execute
from core.runs.results.curves import gradient_norms, overlay
from core.runs.results.quantities import Quantity

METHODS = ("frozen", "refit", "residual")


def main() -> None:
    """Train with each method, and write what was recorded."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["ATOMREF_LAB_HOME"] = home
        runs = [create(CONFIG.of_method(method, where="lesson")) for method in METHODS]
        for run in runs:
            execute(run.path)
        quantity = Quantity(kind="validation", of="energy_mae_mev_per_atom")
        tables = {
            "gradients": gradient_norms(runs),
            "curves": overlay(runs, quantity, label=lambda run: run.config.method),
        }
    RECORDED.mkdir(exist_ok=True)
    for name, table in tables.items():
        # The ids of runs hold the time.
        named: pd.DataFrame = table.assign(run=table["method"])
        named.to_csv(RECORDED / f"{name}.csv", index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
