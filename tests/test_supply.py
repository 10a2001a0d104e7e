"""Every pinned package is in the lock with its hashes; licences are listed of what is needed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([\w.\[\]-]+)==([\w.]+)", re.MULTILINE)


def pins(name):
    return {
        package.lower().replace("_", "-"): version
        for package, version in PIN.findall((ROOT / name).read_text())
    }


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_is_locked_with_a_hash(name):
    # torch comes as a build for the processor or for a graphics card.
    wanted = {package: version for package, version in pins(name).items() if package != "torch"}
    locked = pins("requirements.lock")
    assert {package: locked.get(package) for package in wanted} == wanted, "run make supply"
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    assert all("--hash=sha256:" in entry for entry in entries)


def test_licences_are_listed_of_every_package():
    page = (ROOT / "docs/reference/licences.md").read_text()
    listed = dict(re.findall(r"^\| \*\*([\w.-]+)\*\* \| ([\w.]+) \| .+ \|$", page, re.MULTILINE))
    assert listed == pins("requirements.txt"), "run make supply"
