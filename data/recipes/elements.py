"""Make data/elements: DFT facts about the elements in PBE and r2SCAN.

Run ``python data/recipes/elements.py [--cache DIR]`` in the repository root; its output is
reproducible. Two packages of the Python Package Index are read, not run:

- matcalc 0.7.0 (BSD-3-Clause): the elemental references of MatPES in either functional;
- pydmclab 1.3.0 (MIT): elemental references under Materials Project's settings, December 2022.
"""

import argparse
import csv
import gzip
import io
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from fetch import fetch, member

OUT = Path(__file__).resolve().parents[1] / "elements"

MATCALC = "matcalc==0.7.0"
MATPES_FILES = {
    "pbe": (
        "src/matcalc/elemental_refs/MatPES-PBE-Element-Refs.json.gz",
        "24b804bcba5d4e7bffa23ba141bfe1364154fd8fea5547655036610a7be495af",
    ),
    "r2scan": (
        "src/matcalc/elemental_refs/MatPES-r2SCAN-Element-Refs.json.gz",
        "23b9c0b6885e6fa52510b9c99ab8bd86f0db74c7e8589cfc26d3fbc6287e85cc",
    ),
}
PYDMCLAB = "pydmclab==1.3.0"
MP_FILE = (
    "pydmclab/data/data/221220_dmc-mus.json",
    "7e3cb87ac5855a699c4d34563cba4b35f22381519a88efdb3a7d5894e5695463",
)
MP_SET = "mp"

CHOICE = (
    "The file holds two sets, dmc and mp, and mp is used. The package names settings so: dmc for "
    "its own group's, mp for Materials Project's. Figures agree: mp is nearer than dmc to the "
    "references that Materials Project's formation energies of 1,324 materials imply (mean "
    "deviation 0.026 against 0.064 eV/atom in r2SCAN, 0.069 against 0.088 in PBE; in r2SCAN dmc "
    "is off by 2.0 for Eu and 1.25 for Os). mp is not the same as those references: it lies higher "
    "by 0.35 eV/atom for Ni and Cu in PBE and, in r2SCAN, by 0.48 for Pu, 0.27 for Cr and 0.17 "
    "for O."
)

COLUMNS = {
    "family": "Which calculations: matpes or mp. Never mix the two in one fit: energies of Ba, Pu "
    "and eleven lanthanides differ by more than 0.3 eV/atom (other pseudopotentials).",
    "element": "Chemical symbol.",
    "id_pbe": "Materials Project id of the crystal computed in PBE.",
    "id_r2scan": "Materials Project id of the crystal computed in r2SCAN.",
    "same_geometry": "true where both functionals were computed on the same lattice and sites, "
    "number for number; false where not; empty where the source does not tell.",
    "e_crystal_pbe": "Total energy of the elemental crystal in PBE, eV/atom.",
    "e_crystal_r2scan": "Total energy of the elemental crystal in r2SCAN, eV/atom.",
    "e_atom_pbe": "Total energy of the isolated atom in PBE, eV/atom; empty where unknown.",
    "e_atom_r2scan": "Total energy of the isolated atom in r2SCAN, eV/atom; empty where unknown.",
    "source": "Package and version that carries the energies.",
}


@dataclass(kw_only=True, frozen=True, slots=True)
class Fact:
    """An element in one family of calculations, energies in eV/atom; see facts.json."""

    family: str
    element: str
    id_pbe: str
    id_r2scan: str
    same_geometry: str
    e_crystal_pbe: float | None
    e_crystal_r2scan: float | None
    e_atom_pbe: float | None
    e_atom_r2scan: float | None
    source: str


def main() -> None:
    """Read both archives and write facts.csv and facts.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=OUT.parents[1] / ".cache" / "sources")
    cache = parser.parse_args().cache
    facts = [*matpes_facts(cache), *mp_facts(cache)]
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "facts.csv").write_text(as_csv(facts), encoding="utf-8", newline="")
    card = json.dumps(make_card(facts), indent=1, ensure_ascii=False) + "\n"
    (OUT / "facts.json").write_text(card, encoding="utf-8", newline="")


def matpes_facts(cache: Path) -> list[Fact]:
    """Read MatPES's static calculations of elemental crystals and isolated atoms."""
    archive = fetch(MATCALC, cache, sdist=True)
    pbe, r2scan = (
        json.loads(gzip.decompress(member(archive, name, digest)))
        for name, digest in MATPES_FILES.values()
    )
    return [
        Fact(
            family="matpes",
            element=element,
            id_pbe=pbe[element]["matpes_id"],
            id_r2scan=r2scan[element]["matpes_id"],
            same_geometry=str(is_same_geometry(pbe[element], r2scan[element])).lower(),
            e_crystal_pbe=pbe[element]["energy_per_atom"],
            e_crystal_r2scan=r2scan[element]["energy_per_atom"],
            e_atom_pbe=pbe[element]["energy_atomic"],
            e_atom_r2scan=r2scan[element]["energy_atomic"],
            source=MATCALC.replace("==", " "),
        )
        for element in sorted(pbe.keys() & r2scan.keys())
    ]


def mp_facts(cache: Path) -> list[Fact]:
    """Read the references with the Materials Project's settings that exist in both functionals."""
    sets = json.loads(member(fetch(PYDMCLAB, cache, sdist=False), *MP_FILE))[MP_SET]
    pbe, r2scan = sets["pbe"], sets["r2scan"]
    return [
        Fact(
            family="mp",
            element=element,
            id_pbe=pbe[element]["mpid"],
            id_r2scan=r2scan[element]["mpid"],
            same_geometry="",
            e_crystal_pbe=pbe[element]["mu"],
            e_crystal_r2scan=r2scan[element]["mu"],
            e_atom_pbe=None,
            e_atom_r2scan=None,
            source=PYDMCLAB.replace("==", " "),
        )
        for element in sorted(pbe.keys() & r2scan.keys())
        if pbe[element]["mu"] is not None and r2scan[element]["mu"] is not None
    ]


def is_same_geometry(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two calculations have exactly the same lattice and sites."""
    a, b = one["structure"], other["structure"]
    sites = ([site["abc"] for site in crystal["sites"]] for crystal in (a, b))
    return a["lattice"]["matrix"] == b["lattice"]["matrix"] and next(sites) == next(sites)


def as_csv(facts: list[Fact]) -> str:
    """Return facts as CSV, energies with all digits of their source."""
    stream = io.StringIO()
    names = [field.name for field in fields(Fact)]
    writer = csv.DictWriter(stream, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(fact) for fact in facts)
    return stream.getvalue()


def make_card(facts: list[Fact]) -> dict[str, Any]:
    """Return the card: contents, sources and making of the facts."""
    counts = {family: sum(fact.family == family for fact in facts) for family in ("matpes", "mp")}
    same = sum(fact.same_geometry == "true" for fact in facts)
    return {
        "version": 1,
        "kind": "facts",
        "name": "elements",
        "title": "DFT energies of the elements in PBE and r2SCAN",
        "labels": "dft",
        "units": {"energies": "eV/atom"},
        "n": counts,
        "families": {
            "matpes": {
                "what": f"Static calculations of the crystals of {counts['matpes']} elements and "
                f"of their isolated atoms in a box; {same} crystals have the same geometry in both "
                "functionals.",
                "source": MATCALC.replace("==", " "),
                "files": [{"path": path, "sha256": sha} for path, sha in MATPES_FILES.values()],
                "licence": "BSD-3-Clause",
                "cite": "Kaplan et al., arXiv:2503.04070",
            },
            "mp": {
                "what": "Elemental reference energies under Materials Project's settings, December "
                f"2022: the {counts['mp']} elements known in both functionals (not Mo and Pm). No "
                "MP2020 corrections, no isolated atoms.",
                "source": PYDMCLAB.replace("==", " "),
                "files": [{"path": MP_FILE[0], "sha256": MP_FILE[1]}],
                "licence": "MIT; Materials Project data CC-BY-4.0",
                "cite": "Jain et al., APL Mater. 1, 011002 (2013), doi:10.1063/1.4812323",
                "choice": CHOICE,
            },
        },
        "columns": COLUMNS,
        "made_by": "python data/recipes/elements.py",
    }


if __name__ == "__main__":
    main()
