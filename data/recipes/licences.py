"""The licences of what the app depends on, as they state them: `python data/recipes/licences.py`.

Writes docs/reference/licences.md from the metadata of the installed packages: those of
requirements.txt, and what they need in turn.
"""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/reference/licences.md"

_HEAD: Final = """# Licences

AtomRef Lab is under the MIT licence. It needs these packages, directly (**bold**) or through
others, each under the licence that it states. They are installed from a package index and no part
of the project.

| package | version | licence |
|---|---|---|
"""
_LONGEST = 60


def needed() -> dict[str, Distribution]:
    """Return the packages of requirements.txt and all that they need here, by name."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    waiting = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found: dict[str, Distribution] = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        if name in found and not requirement.extras:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # not needed on this machine
        for line in found[name].requires or []:
            further = Requirement(line)
            if further.marker is None or any(
                further.marker.evaluate({"extra": extra}) for extra in extras
            ):
                waiting.append(further)
    return dict(sorted(found.items()))


def licence_of(package: Distribution) -> str:
    """Return the licence that a package states: its expression, its classifiers, or its text."""
    about = package.metadata
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    known = ", ".join(one for one in classifiers if one != "OSI Approved")
    stated = about.get("License-Expression") or known or about.get("License") or ""
    first = stated.strip().partition("\n")[0]
    return first if 0 < len(first) <= _LONGEST else "see its files"


def table() -> str:
    """Return the page."""
    direct = {
        canonicalize_name(re.split(r"[=<>;\[ ]", line)[0])
        for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    rows = [
        f"| {f'**{name}**' if name in direct else name} | {package.version.partition('+')[0]} | "
        f"{licence_of(package).replace('|', '/')} |\n"
        for name, package in needed().items()
    ]
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
