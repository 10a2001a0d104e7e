"""Profiles of a cluster: what a job asks for, by name, in `clusters.toml` in the lab's home."""

import re
import tomllib
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from core.errors import LabError, plain_fault
from core.home import home

FILE: Final = "clusters.toml"

_TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<parts>\d+(?::\d+){0,2})")
_FLAG = re.compile(r"[a-z][a-z-]*")
_OWN_FLAGS: Final = {
    "array": "runs_per_job says how runs are packed",
    "job-name": "the lab finds its jobs by their names",
    "no-requeue": "runs continue after the time limit",
    "signal": "stop_seconds says when runs are told of the time limit",
    "output": "logs are kept in the lab's home",
    "error": "logs are kept in the lab's home",
    "wrap": "the lab writes the command",
    "chdir": "runs work in the lab's own directory",
}


class Profile(BaseModel):
    """What a job of a cluster asks for; the names are those of `sbatch` where it has one.

    Attributes:
        partition: where it waits; None for the cluster's default.
        account: who pays; None for the user's default.
        nodes: nodes of each run, which then has processes on all of them.
        gpus: GPUs of each node.
        cpus: cores of each node; None for the cluster's default.
        memory_gb: memory of each node, GiB; None for the cluster's default.
        time: time limit as `sbatch` takes it: minutes, "HH:MM:SS", "D-HH:MM:SS".
        stop_seconds: seconds before the limit at which a run writes its checkpoint, and waits
            for its next turn.
        runs_per_job: runs of an experiment or a sweep that share one job, its cores and GPUs.
        at_once: largest number of jobs of an experiment or a sweep that work at a time.
        flags: further options of `sbatch`, without the hyphens: {"qos" = "long", "exclusive" =
            true}.
        setup: lines of shell that precede the run, such as "module load cuda".
        python: interpreter on the nodes; None for this one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: str | None = Field(default=None, min_length=1)
    account: str | None = Field(default=None, min_length=1)
    nodes: int = Field(default=1, ge=1, le=1024)
    gpus: int = Field(default=0, ge=0, le=64)
    cpus: int | None = Field(default=None, ge=1)
    memory_gb: float | None = Field(default=None, gt=0)
    time: str | int = "24:00:00"
    stop_seconds: int = Field(default=120, ge=5)
    runs_per_job: int = Field(default=1, ge=1, le=64)
    at_once: int = Field(default=256, ge=1)
    flags: dict[str, str | int | bool] = Field(default_factory=dict)
    setup: list[str] = Field(default_factory=list)
    python: str | None = Field(default=None, min_length=1)

    @field_validator("time")
    @classmethod
    def _is_a_time(cls, value: str | int) -> str:
        if seconds_of(str(value)) <= 0:
            raise ValueError('should be minutes, such as 90, or a text such as "1-12:00:00"')
        return str(value)

    @field_validator("flags")
    @classmethod
    def _are_options(cls, value: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        for name in value:
            if not _FLAG.fullmatch(name):
                raise ValueError(f"{name!r} is no option; write it without hyphens in front")
            if name in _OWN_FLAGS:
                raise ValueError(f"{name} cannot be set: {_OWN_FLAGS[name]}")
        return value

    @field_validator("runs_per_job")
    @classmethod
    def _packs_on_one_node(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and info.data.get("nodes", 1) > 1:
            raise ValueError("should be 1 where a run has several nodes")
        return value

    @property
    def seconds(self) -> int:
        """The time limit in seconds."""
        return seconds_of(str(self.time))

    def summary(self) -> str:
        """Return what a job asks for, in a line; what is left to the cluster is not named."""
        each = " a node" if self.nodes > 1 else ""
        asked = [
            f"partition {self.partition}" if self.partition else "",
            f"account {self.account}" if self.account else "",
            f"{self.nodes} nodes" if self.nodes > 1 else "",
            f"{self.gpus} GPU{'s' * (self.gpus > 1)}{each}" if self.gpus else "no GPU",
            f"{self.cpus} core{'s' * (self.cpus > 1)}{each}" if self.cpus else "",
            f"{self.memory_gb:g} GiB{each}" if self.memory_gb else "",
            f"time limit {self.time}" + " min" * str(self.time).isdecimal(),
            f"{self.runs_per_job} runs a job" if self.runs_per_job > 1 else "",
            *(
                name if value is True else f"{name} {value}"
                for name, value in self.flags.items()
                if value is not False
            ),
        ]
        return ", ".join(filter(None, asked))


def profiles() -> dict[str, Profile]:
    """Return the profiles by name, in the order of the file; none without a file.

    Raises:
        LabError: if the file cannot be read or a profile is not valid, in one sentence.
    """
    path = home() / FILE
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabError(f"{path} cannot be read ({error}); correct it.") from None
    found = {}
    for name, table in tables.items():
        try:
            found[name] = Profile.model_validate(table)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            if first["type"] == "extra_forbidden":
                known = ", ".join(Profile.model_fields)
                text = f"{field}: is not a setting; known ones: {known}. Options of sbatch go "
                text += "into flags"
            elif not field:
                text = "should be a table; write [NAME] above its settings"
            else:
                fault = first.get("ctx", {}).get("error") or plain_fault(first["msg"])
                text = f"{field}: {fault}"
            raise LabError(f"{path}: [{name}] {text}.") from None
        if found[name].seconds <= found[name].stop_seconds:
            raise LabError(
                f"{path}: [{name}] stop_seconds: {found[name].stop_seconds} s before the end are "
                f"before the beginning of {found[name].seconds} s; give a shorter one."
            )
    return found


def profile_named(name: str) -> Profile:
    """Return a profile.

    Raises:
        LabError: if there is none of this name, or the file is not valid.
    """
    found = profiles()
    if name in found:
        return found[name]
    there = f"choose among {', '.join(found)}" if found else "there are none yet"
    raise LabError(f"{name}: is not a profile of {home() / FILE}; {there}.")


def seconds_of(time: str) -> int:
    """Return the seconds of a time limit as `sbatch` takes it; 0 where it is none.

    "M", "M:S", "H:M:S", "D-H", "D-H:M" and "D-H:M:S" are what Slurm's manual names.
    """
    match = _TIME.fullmatch(time.strip())
    if match is None:
        return 0
    parts = [int(part) for part in match["parts"].split(":")]
    if match["days"] is not None:
        hours, minutes, seconds = [*parts, 0, 0][:3]
        return ((int(match["days"]) * 24 + hours) * 60 + minutes) * 60 + seconds
    if len(parts) < 3:
        minutes, seconds = [*parts, 0][:2]
        return 60 * minutes + seconds
    return (parts[0] * 60 + parts[1]) * 60 + parts[2]
