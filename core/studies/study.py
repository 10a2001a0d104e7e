"""What every study has: settings that name it, an estimate of time, and a computation."""

import hashlib
import time
from abc import abstractmethod
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from core.home import atomrefs_dir
from core.potential.released import MODELS
from core.progress import Progress
from core.runs.record.named_models import checkpoint_of
from core.studies.selection import fingerprint
from core.transfer.source_model import SourceModel


def model_inputs(model: str) -> list[str]:
    """Return what distinguishes a checkpoint from others of the same name; nothing if released.

    Args:
        model: a released model's name, a run (its best checkpoint), or a checkpoint file.

    Raises:
        LabError: if there is no such model.
    """
    return [] if model in MODELS else [file_input(Path(checkpoint_of(model)))]


def file_input(path: Path) -> str:
    """Return what distinguishes a file from others of the same name."""
    stat = path.stat()
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def atomref_inputs(name: str) -> list[str]:
    """Return what distinguishes own reference energies from others of the same name.

    Args:
        name: a saved AtomRef or a file; anything else is no file, and has nothing.
    """
    places = (Path(name), atomrefs_dir() / f"{name}.json")
    return [file_input(place) for place in places if place.is_file()]


class Study(BaseModel):
    """One analysis of data sets by name; a subclass adds its settings as fields.

    Attributes:
        kind: its name in `core.studies.catalog`.
        version: version of its method; results of another version are computed again.
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
        """Return roughly how long it takes on two cores, estimated from cards of data sets."""

    @abstractmethod
    def compute(self, progress: Progress) -> Any:
        """Compute the result.

        Args:
            progress: receives the share that is done; it may raise to stop the computation.

        Raises:
            LabError: if the settings do not fit the data.
        """

    def inputs(self) -> list[str]:
        """Return what identifies the contents of everything that it reads.

        Raises:
            LabError: if a data set is missing.
        """
        return [fingerprint(name) for name in self.datasets]

    def key(self) -> str:
        """Return a hash of the settings, the inputs and the fields of the result, 24 hex digits.

        Raises:
            LabError: if a data set is missing.
        """
        identity = {
            "kind": self.kind,
            "version": self.version,
            "settings": self.model_dump(mode="json"),
            "inputs": self.inputs(),
            "result": [field.name for field in fields(self.result)],
        }
        return hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()[:24]


class OneTimeStudy(Study):
    """A study that makes something, anew each time it is asked for.

    Attributes:
        verb: what is being done, for its progress.
        name: name of what is made.
        requested: when it was asked for, UTC epoch seconds.
    """

    verb: ClassVar[str]

    name: str
    requested: float = Field(default_factory=time.time)

    @property
    def n_kept(self) -> int:
        """Number of frames behind which it goes on if it was ended, 0 where it begins again."""
        return 0

    def clean_up(self) -> None:
        """Delete what was kept for it alone, once nobody wants to see or repeat it."""


class ModelStudy(Study):
    """A study that reads a model.

    Attributes:
        model: a released model's name, a run (its best checkpoint), or a checkpoint file.
    """

    model: str = "chgnet-0.3.0"

    @property
    def source(self) -> SourceModel:
        """The model, to compute with.

        Raises:
            LabError: if there is no such model.
        """
        return SourceModel(checkpoint_of(self.model))

    def inputs(self) -> list[str]:
        """Return what identifies the contents of the data sets and of the model."""
        return [*super().inputs(), *model_inputs(self.model)]
