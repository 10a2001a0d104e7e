"""Remedies count from the unit in which the file was read."""

import pytest

from core.checks.units_read import in_units_of_file
from core.frames.findings import Finding


def finding(flag, more="."):
    return Finding(kind="unit", severity="error", message="", remedy=f"Use --unit {flag}{more}")


@pytest.mark.parametrize(
    ("flag", "read", "expected"),
    [
        ("energy=eV/cell", "Ry/atom", "energy=Ry/cell"),
        ("energy=Ha/atom", "eV/cell", "energy=Ha/cell"),
        ("energy=-eV/atom", "Ha/atom", "energy=-Ha/atom"),
        ("forces=-eV/Å", "Ha/bohr", "forces=-Ha/bohr"),
        ("forces=eV/Å", "-eV/Å", "forces=-eV/Å"),
        ("stress=-GPa", "eV virial", "stress=-eV virial"),
        ("stress=-GPa", "kBar", "stress=-kBar"),
        ("stress=Pa", "kBar", "stress=UNIT"),
    ],
)
@pytest.mark.parametrize("more", [".", ", which divides them by the number of atoms."])
def test_units_are_multiplied(flag, read, expected, more):
    label = flag.partition("=")[0]
    (told,) = in_units_of_file([finding(flag, more)], {label: read})
    assert f"--unit {expected}" in told.remedy
    assert told.remedy.startswith(f"They were read in {read}; ")


def test_the_labs_units_change_nothing():
    findings = [
        finding("stress=kBar"),
        finding("energy=eV/cell"),
        finding("energy=eV/atom", ", whatever their column is called."),
        Finding(kind="x", severity="info", message="m"),
    ]
    assert in_units_of_file(findings, {"stress": "GPa"}) == findings
    assert in_units_of_file(findings[2:3], {"energy": "eV/cell"}) == findings[2:3]
