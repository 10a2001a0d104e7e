"""A study that does next to nothing, as slowly as a test needs; run as a script, its process."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).parents[3]))

import numpy as np

from core.errors import LabError
from core.frames.registry import open_dataset
from core.studies import catalog
from core.studies.study import Study


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Mean:
    value: float
    n: int


class MeanStudy(Study):
    kind: ClassVar[str] = "mean"
    result: ClassVar[type] = Mean

    dataset: str = "mp-structures"
    column: str = "energy_gga_chgnet"
    pause: float = 0.0
    fails: str = ""

    @property
    def datasets(self):
        return [self.dataset]

    def seconds(self):
        return self.pause * 20

    def compute(self, progress):
        if self.fails:
            raise (MemoryError if self.fails == "memory" else LabError)(self.fails)
        for i in range(20):
            progress(i / 20, "Thinking")
            time.sleep(self.pause)
        energies = open_dataset(self.dataset).energy(self.column)
        return Mean(value=float(np.mean(energies)), n=len(energies))


PLACE = "tests.studies.job.example_study:MeanStudy"

if __name__ == "__main__":
    from core.studies.job.worker import main

    catalog._CLASSES["mean"] = PLACE
    sys.exit(main(Path(sys.argv[1])))
