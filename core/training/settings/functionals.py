"""Settings of a run on data sets in several functionals."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Functionals(BaseModel):
    """Data sets in further functionals that one network learns together with the first.

    Each functional has an AtomRef of its own, and learns an offset of the atom embedding that the
    network shares; see `core.training.step.offsets`.

    Attributes:
        datasets: data sets of frames, one per functional, besides the run's first one.
        weights: weight of the loss of a data set beside the first one's, which is 1; 1 where it is
            not named.
        ratios: frames of a data set for each training frame of the first one; 1 where it is not
            named.
        pull: strength α of the pull of the offsets Δ toward zero, ½ α Σ Δ² in the loss.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    datasets: tuple[str, ...] = ()
    weights: dict[str, float] = Field(default_factory=dict)
    ratios: dict[str, float] = Field(default_factory=dict)
    pull: float = Field(default=1e-3, ge=0)

    @field_validator("weights", "ratios", mode="before")
    @classmethod
    def _numbers_in_one_word(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [item.rpartition("=") for item in value.split(",") if item]
        if not all(name for name, _, _ in pairs):
            raise ValueError("weights and ratios are given per data set, such as mp-frames-gga=0.5")
        return {name: number for name, _, number in pairs}

    @field_validator("weights", "ratios")
    @classmethod
    def _above_zero(cls, value: dict[str, float]) -> dict[str, float]:
        if not all(0 < number <= 1000 for number in value.values()):
            raise ValueError("weights and ratios of data sets should be above 0 and up to 1000")
        return {name: number for name, number in value.items() if number != 1.0}

    def weight(self, dataset: str) -> float:
        """Return the weight of a data set's loss."""
        return self.weights.get(dataset, 1.0)

    def ratio(self, dataset: str) -> float:
        """Return the frames of a data set for each training frame of the first one."""
        return self.ratios.get(dataset, 1.0)

    def problem(self, method: str, first: str, *, several: bool) -> str | None:
        """Return what is wrong with these in a run, None if nothing is.

        Args:
            method: key of the run's method.
            first: the run's first data set.
            several: whether the method learns several functionals.
        """
        names = [first, *self.datasets]
        if several and not self.datasets:
            return (
                f"{method} learns several functionals; name a data set for each, such as "
                f"--dataset {first},ANOTHER"
            )
        if self.datasets and not several:
            return (
                f"{method} learns from one data set (got {', '.join(names)}); name one, or take a "
                "method for several functionals"
            )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            return f"{twice[0]} is given twice; name each data set once"
        for numbers in (self.weights, self.ratios):
            if unknown := sorted(numbers.keys() - set(self.datasets)):
                known = ", ".join(self.datasets)
                return f"{unknown[0]} is none of the further data sets ({known or 'none'})"
        return None


def file_of(name: str, number: int) -> str:
    """Return the name of a run's file that belongs to one functional.

    Args:
        name: that of the first functional's, such as best.pth.tar.
        number: number of the functional, from 0: number 1 has best-2.pth.tar.
    """
    stem, dot, ending = name.partition(".")
    return f"{stem}-{number + 1}{dot}{ending}" if number else name


def functionals_text(settings: Functionals, facts: Sequence[Mapping[str, Any]] | None) -> str:
    """Return in one phrase which further functionals a run learns; empty for a run on one.

    Args:
        settings: the run's.
        facts: what the run's "start" event says under "functionals".
    """
    phrases = [
        f"{one['functional']} ({one['n_train']:,} training frames of {one['dataset']}, "
        f"{settings.ratio(one['dataset']):g} per frame of the first, weight "
        f"{settings.weight(one['dataset']):g})"
        for one in facts or ()
    ]
    pull = f"; offsets of the atom embedding pulled to zero by {settings.pull:g}"
    return f"with {', '.join(phrases)}{pull}" if phrases else ""


def split_names(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which a list of data sets is one data set and further ones.

    Args:
        data: settings of a run; several names under "dataset" are a list, or separated by commas.
    """
    given = data.get("dataset")
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or len(names) < 2 or not all(names):
        return dict(data)
    further = data.get("functionals") or {}
    dumped = further.model_dump() if isinstance(further, Functionals) else dict(further)
    return {**data, "dataset": names[0], "functionals": {**dumped, "datasets": tuple(names[1:])}}
