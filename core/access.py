"""Who may do what in a lab that several people share, and how much of it.

A process has one user, who may do everything, unless it serves others: a dashboard says with
`identify` who is asking. What changes the lab asks `require` first, and is then written into
`activity.jsonl`. `access.toml` in the lab's home holds the rules.
"""

import fnmatch
import getpass
import hashlib
import hmac
import json
import os
import secrets
import shutil
import time
import tomllib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import LabError, plain_fault
from core.files import disk_errors
from core.home import cache_dir, home, runs_dir

Role = Literal["none", "look", "launch", "delete"]
"""Each may do what those before it may: see pages; import and launch; change other people's."""

RANKS: Final[dict[Role, int]] = {"none": 0, "look": 1, "launch": 2, "delete": 3}

RULES: Final = "access.toml"

UNKNOWN: Final = "somebody else"
"""The owner of what was launched before it was recorded by whom."""

_KEY: Final = "access.key"
_ACTIVITY: Final = "activity.jsonl"
_GB: Final = 1 << 30
_DAY: Final = 86400.0


class Limits(BaseModel):
    """What people other than the machine's user may take, each and together.

    Attributes:
        queued_runs: runs of one person that wait or train.
        queued_runs_in_all: of all people.
        upload_gb: gigabytes that one person uploads per day.
        upload_gb_in_all: of all people.
        disk_gb: gigabytes of the runs of one person.
        free_gb: gigabytes that stay free on the disk of the lab.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    queued_runs: int = Field(default=20, ge=0)
    queued_runs_in_all: int = Field(default=100, ge=0)
    upload_gb: float = Field(default=5.0, ge=0)
    upload_gb_in_all: float = Field(default=20.0, ge=0)
    disk_gb: float = Field(default=20.0, ge=0)
    free_gb: float = Field(default=2.0, ge=0)


class Rules(BaseModel):
    """The rules in `access.toml`.

    Attributes:
        people: role by e-mail address, or by a pattern such as *@example.org.
        others: role of people who are not named.
        folders: directories of the machine whose files people may name.
        limits: what people may take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: dict[str, Role] = Field(default_factory=dict)
    others: Role = "none"
    folders: tuple[str, ...] = ()
    limits: Limits = Limits()

    def role_of(self, name: str) -> Role:
        """Return the role of a person: named, else by the first pattern that matches."""
        name = name.lower()
        by_name = {key.lower(): role for key, role in self.people.items()}
        if name in by_name:
            return by_name[name]
        patterns = (role for key, role in by_name.items() if fnmatch.fnmatchcase(name, key))
        return next(patterns, self.others)


@dataclass(frozen=True)
class Person:
    """Who asks.

    Attributes:
        name: e-mail address, or the name that they gave.
        role: what they may do.
        is_local: whether it is the user of this machine, for whom there are no limits.
    """

    name: str
    role: Role
    is_local: bool = False


def user_of_machine() -> Person:
    """Return the user that this process runs as."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = "unknown"
    return Person(name, "delete", is_local=True)


_asking: Final[dict[str, Callable[[], Person]]] = {"who": user_of_machine}


def identify(who: Callable[[], Person]) -> None:
    """Let a server say who is asking, whenever it matters.

    Args:
        who: returns the person on whose behalf the calling thread works.
    """
    _asking["who"] = who


def current() -> Person:
    """Return the person on whose behalf this thread works."""
    return _asking["who"]()


def rules() -> Rules:
    """Return the rules of this lab.

    Raises:
        LabError: if they cannot be read; nobody is let in by mistake.
    """
    path = home() / RULES
    if not path.exists():
        return Rules()
    try:
        return Rules.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise LabError(f"{path}: {field}: {plain_fault(first['msg'])}; correct it.") from None
    except (OSError, ValueError) as error:
        raise LabError(f"{path} cannot be read ({error}); correct it.") from None


def require(role: Role, what: str, *, owner: str | None = None) -> Person:
    """Check that the user may do something, and record it.

    Args:
        role: the role that it needs.
        what: what is done, such as "launch run X".
        owner: whose it is, if anyone's; another person's needs the highest role.

    Returns:
        The user.

    Raises:
        LabError: if they may not.
    """
    person = current()
    if owner is not None and not person.is_local and owner != person.name:
        role = "delete"
    if RANKS[person.role] < RANKS[role]:
        raise LabError(
            f"{person.name} may not {what}: that needs the role “{role}”, and yours is "
            f"“{person.role}”; ask the person who runs this server."
        )
    if not person.is_local:
        entry = {"time": round(time.time(), 3), "person": person.name, "what": what}
        path = home() / _ACTIVITY
        with disk_errors(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
    return person


def check_file(path: Path | str) -> None:
    """Check that the user may name a file or folder of the server's machine.

    Raises:
        LabError: if it is neither a run or an upload of the lab, nor in a folder of the rules.
    """
    if current().is_local:
        return
    real = Path(path).expanduser().resolve()
    allowed = [runs_dir(), cache_dir() / "uploads", *map(Path, rules().folders)]
    if not any(real.is_relative_to(folder.expanduser().resolve()) for folder in allowed):
        raise LabError(
            f"{path}: files of the server are read from its own folders alone; upload the file, or "
            f"ask the person who runs this server to list its folder in {RULES}."
        )


def check_queue(waiting: list[str | None]) -> None:
    """Check that the user may add a run.

    Args:
        waiting: who launched each run that waits or trains.

    Raises:
        LabError: if there are too many, or the disk is too full.
    """
    person = current()
    if person.is_local:
        return
    limits = rules().limits
    for n, most, whose in (
        (waiting.count(person.name), limits.queued_runs, f"{person.name} has"),
        (len(waiting), limits.queued_runs_in_all, "this lab has"),
    ):
        if n >= most:
            raise LabError(
                f"{whose} {n:,} runs that wait or train, and at most {most:,} are allowed; cancel "
                "some or wait for them."
            )
    check_free()


def check_free(n_bytes: int = 0) -> None:
    """Check that the disk keeps enough free after that many bytes.

    Raises:
        LabError: if not.
    """
    if current().is_local:
        return
    least = rules().limits.free_gb
    free = (shutil.disk_usage(home()).free - n_bytes) / _GB
    if free < least:
        raise LabError(
            f"The disk of the lab would have {max(free, 0):.1f} GB free, and {least:g} GB stay "
            "free; delete runs or data sets that nobody needs."
        )


def check_disk(n_bytes: int) -> None:
    """Check that the user's runs are small enough for another one.

    Args:
        n_bytes: their size.

    Raises:
        LabError: if not.
    """
    person = current()
    if not person.is_local and n_bytes > (most := rules().limits.disk_gb) * _GB:
        raise LabError(
            f"The runs of {person.name} take {n_bytes / _GB:.1f} GB, and at most {most:g} GB are "
            "allowed; delete some."
        )


_UPLOADS: deque[tuple[float, str, int]] = deque()
"""Time, person and bytes of the uploads of the last day in this process."""


def check_upload(n_bytes: int) -> None:
    """Check that the user may upload that much more today, and count it.

    Raises:
        LabError: if not.
    """
    person = require("launch", f"upload {n_bytes:,} bytes")
    if person.is_local:
        return
    limits = rules().limits
    now = time.time()
    while _UPLOADS and now - _UPLOADS[0][0] > _DAY:
        _UPLOADS.popleft()
    own = sum(size for _, name, size in _UPLOADS if name == person.name)
    total = sum(size for _, _, size in _UPLOADS)
    for done, most, whose in (
        (own, limits.upload_gb, person.name),
        (total, limits.upload_gb_in_all, "everybody together"),
    ):
        if done + n_bytes > most * _GB:
            raise LabError(
                f"With this file {whose} would have uploaded {(done + n_bytes) / _GB:.2f} GB "
                f"within a day, and at most {most:g} GB are allowed; take a smaller file or wait."
            )
    check_free(n_bytes)
    _UPLOADS.append((now, person.name, n_bytes))


def token_of(role: Role) -> str:
    """Return the secret that gives a role; it is the same for all servers of this lab."""
    return hmac.new(_key(), role.encode(), hashlib.sha256).hexdigest()[:32]


def role_of_token(token: str) -> Role:
    """Return the role that a secret gives, "none" for any other text."""
    given = token.encode()
    matches = (role for role in RANKS if hmac.compare_digest(token_of(role).encode(), given))
    return next(matches, "none")


def _key() -> bytes:
    path = home() / _KEY
    with disk_errors(path):
        try:
            # Only this user may read it; another server may have been faster.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            with os.fdopen(descriptor, "wb") as file:
                file.write(key := secrets.token_bytes(32))
    if len(key) < 32:
        raise LabError(f"{path} is damaged; delete it, and everybody needs a new link.")
    return key
