"""What every study has: settings that name it, an estimate of time, and a computation."""

import hashlib
from abc import abstractmethod
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict

from core.potential.released import MODELS
from core.progress import Progress
from core.runs.record.named_models import checkpoint_of
from core.studies.selection import fingerprint


def model_inputs(model: str) -> list[str]:
    """Return what tells a model from others of the same name: nothing of a released one.

    Args:
        model: a released model's name, a run (its best checkpoint), or a checkpoint file.

    Raises:
        LabError: no such model.
    """
    if model in MODELS:
        return []
    stat = Path(checkpoint_of(model)).stat()
    return [f"{stat.st_size}-{stat.st_mtime_ns}"]


class Study(BaseModel):
    """One analysis of named data sets; a subclass adds its settings as fields.

    Attributes:
        kind: its name in `core.studies.catalog`.
        version: of its method. A result kept under another one is computed again.
        result: the dataclass that `compute` returns; `core.studies.results` says what it may hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    result: ClassVar[type]

    @property
    @abstractmethod
    def datasets(self) -> list[str]:
        """Names of the data sets, or paths of the table files, that it reads."""

    @abstractmethod
    def seconds(self) -> float:
        """Return roughly how long it takes on two cores, from the cards of its data sets alone."""

    @abstractmethod
    def compute(self, progress: Progress) -> Any:
        """Return the result.

        Args:
            progress: told the share that is done; it may raise to end the work.

        Raises:
            LabError: settings and data do not fit together.
        """

    def inputs(self) -> list[str]:
        """Return what tells the contents of everything that it reads.

        Raises:
            LabError: a data set is not there.
        """
        return [fingerprint(name) for name in self.datasets]

    def key(self) -> str:
        """Name the study by its settings, what it reads and what a result holds, in 24 hex digits.

        Raises:
            LabError: a data set is not there.
        """
        told = {
            "kind": self.kind,
            "version": self.version,
            "settings": self.model_dump(mode="json"),
            "inputs": self.inputs(),
            "result": [field.name for field in fields(self.result)],
        }
        return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:24]
