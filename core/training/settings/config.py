"""Settings of one training run: a versioned, validated configuration."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.errors import LabError
from core.training.settings.flags import FLAGS
from core.training.settings.functionals import Functionals, split_names
from core.training.settings.later import Later
from core.training.settings.methods import DEFAULT, METHODS, SEVERAL
from core.training.settings.source import Replay, Teacher
from core.training.settings.wording import sentence_of, word_of

BLOCKS: dict[str, str] = {
    "embedding": "atom, bond and angle embeddings with their basis functions",
    "conv0": "first interaction level",
    "conv1": "second interaction level",
    "conv2": "third interaction level",
    "conv3": "last interaction level",
    "magmom": "magnetic moment readout",
    "readout": "energy readout",
}
"""Blocks of the network, from the structure to the energy, and what they are."""


ALIKE, MATERIALS = "alike", "materials"
"""Weights of frames: all the same, or the same for every material."""


class LossRatios(BaseModel):
    """Weights of the four Huber terms in the loss; the defaults are the paper's.

    Attributes:
        energy: weight of the energy per atom (eV/atom).
        force: weight of the force components (eV/Å).
        stress: weight of the stress components (GPa).
        magmom: weight of the magnetic moments (μB).
        huber_delta: error, in each label's own unit, at which the loss turns from quadratic
            to linear.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    energy: float = Field(default=3.0, ge=0)
    force: float = Field(default=1.0, ge=0)
    stress: float = Field(default=0.1, ge=0)
    magmom: float = Field(default=1.0, ge=0)
    huber_delta: float = Field(default=0.1, gt=0)

    @model_validator(mode="after")
    def _any_label_counts(self) -> Self:
        if not any((self.energy, self.force, self.stress, self.magmom)):
            raise ValueError("at least one loss ratio should be above zero")
        return self


class RunConfig(BaseModel):
    """One training run.

    Attributes:
        version: layout of this record; readers refuse a newer one.
        name: the user's name for the run; may be empty.
        dataset: name of the data set of frames that carries the target functional's labels.
        source_model: a released model's name, or the path of a checkpoint.
        method: key in `core.training.settings.methods.METHODS`.
        frames: number of training frames; None takes all.
        epochs: passes over the training frames; with `minutes` or `patience` at most so many. The
            default is 0 for methods in closed form, which alone have a result without training.
        minutes: training time; after the first tenth of an epoch the number of epochs that fit
            into it is fixed, at least one. None for no limit.
        patience: end once validation has not improved for so many epochs; None: never.
        keep_every: keep the model of every so many epochs, besides the best and the last; None
            keeps no others.
        batch_size: frames per step.
        optimizer: "adam", "adamw" (with `weight_decay`) or "radam".
        learning_rate: at the start; the cosine ends at one hundredth of it.
        rate_from: whether the learning rate at the start is the one "given", or "found" before the
            training (`core.training.loop.rate_finder`).
        weight_decay: AdamW's pull of the weights toward zero, for a learning rate of one.
        warmup_epochs: epochs over which the learning rate rises from zero.
        frozen: keys of BLOCKS that keep their pretrained weights.
        block_rates: learning rate of a block as a multiple of the others', by keys of BLOCKS.
        loss: weights of the loss.
        later: weights of the loss that change from some epoch on.
        frame_weights: weights of the training frames in the loss: ALIKE, MATERIALS, or a CSV file
            (`core.training.step.frame_weights`).
        teacher: forces and stresses of the pretrained model, where there are energies alone.
        replay: frames of the source functional that take part, against forgetting.
        functionals: data sets in further functionals, of `multifidelity`; the best epoch, and the
            frames that an epoch counts, are those of `dataset`.
        ema: decay per step of a running average of the weights, which is then the model that is
            validated and kept; 0: none.
        l2_sp: pull of the network's weights toward the pretrained ones (L2-SP); 0: none.
        best_by: kind of label whose validation error tells the best epoch.
        atomref_after: whether AtomRef is solved again after training, with the trained network, and
            taken if validation energies gain ("solved"), or stays as training leaves it ("kept").
        seed: fixes the choice of frames, their order, and random weights.
        device: where to train; "auto" takes CUDA, then MPS, then the CPU.
        processes: processes that share the work of each step; None takes one for each core or
            GPU where that pays (`core.training.settings.processes.default_processes`).
        threads: CPU threads of each process; None takes the physical cores that it may use, divided
            by the number of processes.
        ridge_strength: pull toward the prior in the `residual` AtomRef: one strength for all
            elements, or "covariance", where elements that are alike depart from it alike
            (`core.reference.fits.covariance`).
        atomref: reference energies of the user's own, which scratch, trainable and frozen start
            with and `residual` is pulled toward: a saved AtomRef, a file, or "isolated" for the
            isolated atoms of the data set; None for those of the method.
        stability: whether the test also compares formation and decomposition energies of the test
            materials with their labels: of the structures as they are ("static"), or relaxed by
            the model ("relaxed", as in the paper).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1] = 1
    name: str = Field(default="", max_length=200)
    dataset: str = Field(min_length=1)
    source_model: str = Field(default="chgnet-0.3.0", min_length=1)
    method: str = DEFAULT
    frames: int | None = Field(default=None, ge=1)
    epochs: int = Field(default=50, ge=0)
    minutes: float | None = Field(default=None, gt=0)
    patience: int | None = Field(default=None, ge=1)
    keep_every: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=16, ge=1)
    optimizer: Literal["adam", "adamw", "radam"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    rate_from: Literal["given", "found"] = "given"
    weight_decay: float = Field(default=0.0, ge=0, lt=1)
    warmup_epochs: float = Field(default=0.0, ge=0)
    frozen: tuple[str, ...] = ()
    block_rates: dict[str, float] = Field(default_factory=dict)
    loss: LossRatios = LossRatios()
    later: Later = Later()
    frame_weights: str = Field(default=ALIKE, min_length=1)
    teacher: Teacher = Teacher()
    replay: Replay = Replay()
    functionals: Functionals = Functionals()
    ema: float = Field(default=0.0, ge=0, lt=1)
    l2_sp: float = Field(default=0.0, ge=0)
    best_by: Literal["energy", "force", "stress", "magmom"] = "energy"
    atomref_after: Literal["kept", "solved"] = "kept"
    seed: int = Field(default=0, ge=0, lt=2**63)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    processes: int | None = Field(default=None, ge=1, le=1024)
    threads: int | None = Field(default=None, ge=1)
    ridge_strength: Annotated[float, Field(gt=0)] | Literal["covariance"] = "covariance"
    atomref: str | None = Field(default=None, min_length=1)
    stability: Literal["off", "static", "relaxed"] = "off"

    @model_validator(mode="before")
    @classmethod
    def _several_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        named = split_names(data)
        if named.get("dataset") != data.get("dataset"):
            named.setdefault("method", SEVERAL)
        return named

    @model_validator(mode="before")
    @classmethod
    def _closed_form_needs_no_epochs(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        method = METHODS.get(str(data.get("method")))
        trains = any(data.get(key) is not None for key in ("minutes", "patience"))
        trains = trains or data.get("rate_from") == "found"
        if method is not None and method.closed_form and data.get("epochs") is None and not trains:
            return {**data, "epochs": 0}
        return data

    @field_validator("frozen", mode="before")
    @classmethod
    def _names_in_one_word(cls, value: Any) -> Any:
        return [item for item in value.split(",") if item] if isinstance(value, str) else value

    @field_validator("frozen")
    @classmethod
    def _blocks_in_order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        _check_blocks(value)
        return tuple(block for block in BLOCKS if block in value)

    @field_validator("block_rates", mode="before")
    @classmethod
    def _rates_in_one_word(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [item.partition("=") for item in value.split(",") if item]
        return {block: rate for block, _, rate in pairs}

    @field_validator("block_rates")
    @classmethod
    def _rates_in_order(cls, value: dict[str, float]) -> dict[str, float]:
        _check_blocks(value)
        if not all(0 < rate <= 1000 for rate in value.values()):
            raise ValueError("the rate of a block should be above 0 (to freeze it, name it frozen)")
        return {block: value[block] for block in BLOCKS if value.get(block, 1.0) != 1.0}

    @field_validator("atomref", "frame_weights")
    @classmethod
    def _file_from_anywhere(cls, value: str | None) -> str | None:
        """A run may be executed from another directory than it was described in."""
        return str(Path(value).absolute()) if value and Path(value).is_file() else value

    @model_validator(mode="after")
    def _has_a_result(self) -> Self:
        method = METHODS.get(self.method)
        if self.epochs == 0 and method is not None and not method.closed_form:
            closed = ", ".join(key for key, one in METHODS.items() if one.closed_form)
            raise ValueError(
                f"epochs should be at least 1 (got 0); {closed} alone has a result without training"
            )
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.method not in METHODS:
            raise ValueError(f"method should be one of {', '.join(METHODS)} (got {self.method!r})")
        if self.atomref is not None and self.method == "refit":
            raise ValueError(
                "refit fits its AtomRef to the data; with reference energies of your own choose "
                "frozen, trainable, scratch or residual"
            )
        if self.weight_decay and self.optimizer != "adamw":
            raise ValueError(f"weight decay needs the optimiser adamw (got {self.optimizer})")
        if self.optimizer == "adamw" and not self.weight_decay:
            raise ValueError("adamw needs a weight decay, such as 0.01")
        if self.frozen and METHODS[self.method].start == "random":
            raise ValueError(f"{self.method} starts from random weights, which cannot be frozen")
        if self.teacher.weight and METHODS[self.method].start == "random":
            raise ValueError(f"{self.method} starts from random weights, which have no teacher")
        if self.teacher.weight and not (self.loss.force or self.loss.stress):
            raise ValueError("the teacher needs a loss ratio of force or stress above zero")
        if self.replay.dataset and METHODS[self.method].start == "random":
            raise ValueError(f"{self.method} starts from random weights, so replay keeps nothing")
        if self.l2_sp and METHODS[self.method].start == "random":
            raise ValueError(f"{self.method} starts from random weights, which L2-SP cannot keep")
        if len(self.frozen) == len(BLOCKS):
            raise ValueError("all blocks are frozen, so nothing would be trained; free one")
        if both := sorted(set(self.frozen) & self.block_rates.keys()):
            raise ValueError(f"{both[0]} is frozen and has a learning rate; choose one of them")
        if self.warmup_epochs >= self.epochs and self.warmup_epochs:
            raise ValueError("the warm-up should be shorter than the training")
        return self

    @model_validator(mode="after")
    def _loss_fits(self) -> Self:
        if self.rate_from == "found" and not self.epochs:
            raise ValueError("a learning rate is found for a training; give epochs as well")
        if problem := self.later.problem(self.loss, self.epochs):
            raise ValueError(problem)
        known = {ALIKE, MATERIALS}
        if self.frame_weights not in known and Path(self.frame_weights).suffix.lower() != ".csv":
            raise ValueError(
                f"frame weights should be {ALIKE}, {MATERIALS} or a CSV file "
                f"(got {self.frame_weights!r})"
            )
        return self

    @model_validator(mode="after")
    def _functionals_fit(self) -> Self:
        several = METHODS[self.method].several
        if problem := self.functionals.problem(self.method, self.dataset, several=several):
            raise ValueError(problem)
        if several and self.replay.dataset:
            raise ValueError(
                f"{self.method} learns the source functional as one more data set; name "
                f"{self.replay.dataset} with the others instead of --replay"
            )
        if several and self.atomref_after == "solved":
            raise ValueError(f"{self.method} keeps each functional's AtomRef; leave it at kept")
        return self

    @classmethod
    def parse(cls, data: Mapping[str, Any] | str | bytes, *, where: str = "run settings") -> Self:
        """Validate settings that come from outside.

        Args:
            data: the settings as a mapping, or as JSON text.
            where: what the message calls them, e.g. a file name.

        Returns:
            The configuration.

        Raises:
            LabError: if anything is missing, unknown or out of range; all faults in one sentence.
        """
        try:
            if isinstance(data, str | bytes):
                return cls.model_validate_json(data)
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise LabError(f"{where}: {sentence_of(error)}.") from error

    @classmethod
    def from_options(cls, options: Mapping[str, Any], *, where: str = "train") -> Self:
        """Build a configuration from flat options, as a command line has them.

        Args:
            options: values by the keys of `FLAGS` (nested fields as "loss.energy"); None means
                "not given".
            where: what the message calls the options.

        Returns:
            The configuration.

        Raises:
            LabError: as `parse`.
        """
        data: dict[str, Any] = {}
        for key, value in options.items():
            if value is None:
                continue
            outer, _, inner = key.partition(".")
            if inner:
                data.setdefault(outer, {})[inner] = value
            else:
                data[outer] = value
        return cls.parse(data, where=where)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a configuration from a JSON file.

        Raises:
            LabError: if the file cannot be read or does not hold a valid configuration.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LabError(f"{path}: cannot be read as a run configuration ({error}).") from error
        return cls.parse(text, where=str(path))

    def to_json(self) -> str:
        """Return the configuration as indented JSON text that `parse` reads back."""
        return self.model_dump_json(indent=2) + "\n"

    def of_method(self, method: str, *, where: str, **changes: Any) -> Self:
        """Return these settings with another method, on the first data set where it takes one.

        Args:
            method: key of METHODS.
            where: what a message calls them.
            **changes: further settings that change.

        Raises:
            LabError: if the method does not support them.
        """
        data = self.model_dump() | {"method": method} | changes
        if method in METHODS and not METHODS[method].several:
            del data["functionals"]
        return self.parse(data, where=where)

    @property
    def frames_per_frame(self) -> float:
        """Frames computed per training frame, those of the source functional included."""
        copies = self.teacher.copies if self.teacher.weight else 0
        further = sum(map(self.functionals.ratio, self.functionals.datasets))
        return 1 + copies + further + (self.replay.ratio if self.replay.dataset else 0)

    @property
    def command(self) -> str:
        """The shell command that starts this run.

        Method and data set are always named; of the rest only what differs from the defaults.
        """
        words = ["atomref", "train"]
        for key, flag in FLAGS.items():
            outer, _, inner = key.partition(".")
            value, fields = getattr(self, outer), type(self).model_fields
            if inner:
                value, fields = getattr(value, inner), type(value).model_fields
            default = fields[inner or outer].get_default(call_default_factory=True)
            if key == "dataset":
                value = (value, *self.functionals.datasets)
            if key == "epochs" and METHODS[self.method].closed_form:
                default = 0
            if key in {"method", "dataset"} or value != default:
                # A value that begins with a hyphen needs the form --flag=value.
                word = word_of(value)
                words += [flag, word] if word[:1] != "-" else [f"{flag}={word}"]
        return shlex.join(words)


def _check_blocks(names: Iterable[str]) -> None:
    if unknown := sorted(set(names) - BLOCKS.keys()):
        raise ValueError(f"{unknown[0]!r} is no block; the blocks are {', '.join(BLOCKS)}")
