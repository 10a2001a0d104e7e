"""Which frames of a data set are meant: by elements, sizes, labels and their values."""

import re
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.elements import INDEX, N_ELEMENTS
from core.errors import LabError
from core.frames.contents.numbers import Contents, contents_of
from core.frames.pairs import PairSet
from core.frames.store import FrameSet
from core.progress import Progress, silent

LABEL_KINDS: dict[str, str] = {
    "energy": "energy",
    "uncorrected": "uncorrected energy",
    "force": "forces",
    "stress": "stress",
    "magmom": "magmoms",
    "bandgap": "band gap",
}
"""Kinds of labels that a frame may have, by key, which is that of a quantity."""

Part = Literal["train", "validation", "test"]
"""A part of the split of frames."""

Range = tuple[float | None, float | None]


class FrameFilter(BaseModel):
    """A choice of frames, or of pairs; an empty one keeps all.

    Attributes:
        all_of: elements that a frame contains, all of them.
        any_of: elements of which it contains at least one.
        none_of: elements that it does not contain.
        system: the elements of its chemical system, no more and no fewer.
        min_atoms: least number of atoms.
        max_atoms: largest number of atoms.
        labels: kinds of labels that it has, keys of `LABEL_KINDS`.
        ranges: least and largest value of quantities by key, None for no limit; frames without the
            label are left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    min_atoms: int | None = Field(default=None, ge=1)
    max_atoms: int | None = Field(default=None, ge=1)
    labels: tuple[str, ...] = ()
    ranges: dict[str, Range] = Field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether it keeps every frame."""
        return self == FrameFilter()

    def mask(self, contents: Contents) -> np.ndarray:
        """Return which frames are meant, (n,) booleans.

        Args:
            contents: what the data set holds.

        Raises:
            LabError: if the data set has no such label or quantity.
        """
        systems = self._keeps_systems(contents.systems)
        kept: np.ndarray = systems[contents.group_system][contents.group]
        if self.min_atoms is not None:
            kept &= contents.n_atoms >= self.min_atoms
        if self.max_atoms is not None:
            kept &= contents.n_atoms <= self.max_atoms
        for key in self.labels:
            kept &= np.isfinite(_quantity(contents, key))
        for key, (low, high) in self.ranges.items():
            values = _quantity(contents, key)
            kept &= (values >= (-np.inf if low is None else low)) & (
                values <= (np.inf if high is None else high)
            )
        return kept

    def arguments(self) -> list[str]:
        """Return it as options of the command line."""
        options = {
            "--all-of": ",".join(self.all_of),
            "--any-of": ",".join(self.any_of),
            "--none-of": ",".join(self.none_of),
            "--system": "-".join(self.system),
            "--min-atoms": self.min_atoms,
            "--max-atoms": self.max_atoms,
            "--labels": ",".join(self.labels),
        }
        words = [word for name, value in options.items() if value for word in (name, str(value))]
        for key, limits in self.ranges.items():
            low, high = ("" if limit is None else f"{limit:g}" for limit in limits)
            words += ["--range", f"{key}={low}:{high}"]
        return words

    @property
    def text(self) -> str:
        """The choice in words, as in "frames with Li and O, of at most 40 atoms"; may be empty."""
        parts = [
            f"with {' and '.join(self.all_of)}" if self.all_of else "",
            f"with {' or '.join(self.any_of)}" if self.any_of else "",
            f"without {', '.join(self.none_of)}" if self.none_of else "",
            f"in {'-'.join(self.system)}" if self.system else "",
            f"of at least {self.min_atoms:,} atoms" if self.min_atoms else "",
            f"of at most {self.max_atoms:,} atoms" if self.max_atoms else "",
            f"labelled with {', '.join(LABEL_KINDS.get(key, key) for key in self.labels)}"
            if self.labels
            else "",
            *(_range_text(key, *limits) for key, limits in self.ranges.items()),
        ]
        return ", ".join(filter(None, parts))

    def _keeps_systems(self, systems: np.ndarray) -> np.ndarray:
        """Return which chemical systems are meant, (s,) booleans."""
        kept = np.ones(len(systems), bool)
        if self.all_of:
            kept &= systems[:, _columns(self.all_of)].all(axis=1)
        if self.any_of:
            kept &= systems[:, _columns(self.any_of)].any(axis=1)
        if self.none_of:
            kept &= ~systems[:, _columns(self.none_of)].any(axis=1)
        if self.system:
            wanted = np.zeros(N_ELEMENTS, bool)
            wanted[_columns(self.system)] = True
            kept &= (systems == wanted).all(axis=1)
        return kept


def chosen_rows(
    data: FrameSet | PairSet,
    conditions: FrameFilter | None = None,
    part: Part | None = None,
    *,
    progress: Progress = silent,
) -> np.ndarray:
    """Return the rows that meet conditions, (m,) integers, sorted.

    Args:
        data: frames or pairs.
        conditions: None for all rows.
        part: part of the split of frames; None for all.
        progress: receives the share that is done.

    Raises:
        LabError: if no row is left, or a part is asked of pairs.
    """
    keep = np.ones(len(data), dtype=bool)
    if conditions is not None and not conditions.is_empty:
        keep = conditions.mask(contents_of(data, progress))
    if part is not None:
        if isinstance(data, PairSet):
            raise LabError(f"{data.card.name} contains pairs, which have no split; leave it out.")
        within = np.zeros(len(data), dtype=bool)
        within[getattr(data.split(), part)] = True
        keep &= within
    if not keep.any():
        words = [conditions.text if conditions else "", f"in the {part} set" if part else ""]
        raise LabError(
            f"{data.card.name} has no row {', '.join(filter(None, words))}; choose others."
        )
    return np.flatnonzero(keep)


def elements_in(text: str) -> tuple[str, ...]:
    """Return the elements that a text such as "Li-Co-O" or "Li, Co, O" names, each once.

    Raises:
        LabError: if a word is not the symbol of an element from H to Pu.
    """
    symbols = [word.capitalize() for word in re.split(r"[\s,;–-]+", text) if word]
    for symbol in symbols:
        if symbol not in INDEX:
            raise LabError(
                f"{symbol!r} is not an element from H to Pu; write symbols such as Li-Co-O."
            )
    return tuple(dict.fromkeys(symbols))


def range_in(text: str) -> tuple[str, Range]:
    """Return quantity and limits of a text such as "energy=-10:0" or "force=:5".

    Raises:
        LabError: if it cannot be read.
    """
    number = r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)?\s*"
    match = re.fullmatch(rf"\s*([^=]+?)\s*={number}:{number}", text)
    if match is None:
        raise LabError(f"{text!r} is not a range; write QUANTITY=LOW:HIGH, such as force=:5.")
    low, high = (None if limit is None else float(limit) for limit in match.groups()[1:])
    return match[1], (low, high)


def _columns(symbols: tuple[str, ...]) -> list[int]:
    return [INDEX[symbol] for symbol in symbols]


def _quantity(contents: Contents, key: str) -> np.ndarray:
    if key not in contents.keys:
        known = ", ".join(contents.keys)
        raise LabError(f"There is no label {key!r} here; choose one of: {known}.")
    return contents.quantity(key)


def _range_text(key: str, low: float | None, high: float | None) -> str:
    name = key.replace("_", " ")
    if low is None:
        return f"{name} at most {high:g}"
    return f"{name} at least {low:g}" if high is None else f"{name} from {low:g} to {high:g}"
