"""The open data sets that the lab can download, with what is known of each.

Every fact has a source: the record of the host, the paper, or a public file that quotes the record.
What could not be confirmed is None or empty here; sizes and checksums are asked of the host before
each download.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from core.errors import LabError
from core.frames.schema import Corrections

Host = Literal["figshare.com", "huggingface.co"]


@dataclass(kw_only=True, frozen=True, slots=True)
class Entry:
    """One open data set on another host.

    Attributes:
        key: its name in the catalogue.
        title: one line for people.
        host: where it is.
        record: number of the article at figshare, or name of the data set at Hugging Face.
        version: version of the article, or revision of the data set.
        files: patterns of the names of its files, as `fnmatch` takes them; the first that matches
            any counts.
        page: address of the record, for reading and for a download by hand.
        functional: level of theory of the labels.
        corrections: whether its energies per atom contain MP2020 corrections.
        labels: what each frame is labelled with, for people.
        layout: form of its files, for people.
        n_frames: number of frames; None if it is not known.
        size: bytes of all files; None if it is not known before the host is asked.
        checksums: known checksum by name of file, as "md5:…" or "sha256:…".
        licence: its licence; empty if only the host states it.
        citation: what to cite.
        doi: DOI of what to cite.
        note: what else to know before downloading.
    """

    key: str
    title: str
    host: Host
    record: str
    version: str
    files: tuple[str, ...]
    page: str
    functional: str
    corrections: Corrections
    labels: str
    layout: str
    n_frames: int | None = None
    size: int | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    citation: str
    doi: str
    note: str = ""


_CHGNET: Final = "Deng et al., Nature Machine Intelligence 5, 1031 (2023)"
_TRANSFER: Final = "Huang et al., npj Computational Materials (2025)"
_MATPES: Final = "Kaplan et al., arXiv 2503.04070 (2025)"
_LEMAT_BULK: Final = "Siron et al., arXiv 2511.05178 (2025)"
_LEMAT_TRAJ: Final = "Ramlaoui et al., arXiv 2508.20875 (2025)"
# The release that the counts and the checksum below belong to.
_MATPES_REVISION: Final = "47d2cc020cf913b5a48a3480136a128dddc0a92c"


def _matpes(functional: str, version: str, revision: str, **facts: object) -> Entry:
    stem = f"MatPES-{functional.upper()}-{version}"
    return Entry(
        key=f"matpes-{functional.lower()}-{version}",
        title=f"MatPES {version}, {functional}",
        host="huggingface.co",
        # Its former name, mavrl/matpes, leads to the same place.
        record="materialyze/matpes",
        version=revision,
        # Releases were one JSON list before they became one document per line.
        files=(f"{stem}.jsonl", f"{stem}.json.gz", f"{stem}.json"),
        page="https://huggingface.co/datasets/materialyze/matpes",
        functional=functional,
        corrections="none",
        labels="energy, forces, stress, magmoms",
        layout="MatPES documents, one per line",
        licence="BSD-3-Clause",
        citation=_MATPES,
        doi="10.48550/arXiv.2503.04070",
        **facts,  # type: ignore[arg-type]
    )


def _lemat(name: str, subset: str, functional: str, **facts: object) -> Entry:
    bulk = name == "Bulk"
    return Entry(
        key=f"lemat-{name.lower()}-{subset}",
        title=f"LeMat-{name}, {functional}",
        host="huggingface.co",
        record=f"LeMaterial/LeMat-{name}",
        version="main",
        files=(f"compatible_{subset}/*.parquet",),
        page=f"https://huggingface.co/datasets/LeMaterial/LeMat-{name}",
        functional=functional,
        corrections="none",
        labels="energy, forces, stress",
        layout="Parquet with OPTIMADE columns",
        licence="CC-BY-4.0",
        citation=_LEMAT_BULK if bulk else _LEMAT_TRAJ,
        doi="10.48550/arXiv.2511.05178" if bulk else "10.48550/arXiv.2508.20875",
        **facts,  # type: ignore[arg-type]
    )


ENTRIES: Final = (
    Entry(
        key="mptrj-2022.9",
        title="MPtrj 2022.9: relaxations of the Materials Project",
        host="figshare.com",
        record="23713842",
        version="2",
        files=("MPtrj_2022.9_full.json",),
        page="https://figshare.com/articles/dataset/23713842",
        functional="GGA/GGA+U",
        corrections="MP2020",
        labels="energy, forces, stress, magmoms, band gap",
        layout="MPtrj nested JSON",
        n_frames=1_580_395,
        size=12_188_168_685,
        checksums={"MPtrj_2022.9_full.json": "md5:50ead5f27f9a4f6beb7564c4188f1e9f"},
        licence="MIT",
        citation=_CHGNET,
        doi="10.1038/s42256-023-00716-3",
        note="What CHGNet 0.3.0 was trained on. figshare shows its size as 11.35 GB.",
    ),
    Entry(
        key="mp-r2scan",
        title="MP-r2SCAN: r2SCAN frames of the Materials Project",
        host="figshare.com",
        record="28245650",
        version="2",
        files=("*.json", "*.json.*"),
        page="https://doi.org/10.6084/m9.figshare.28245650.v2",
        functional="r2SCAN",
        corrections="none",
        labels="energy, forces, stress, magmoms, band gap",
        layout="MPtrj nested JSON",
        n_frames=238_247,
        citation=_TRANSFER,
        doi="10.1038/s41524-025-01796-y",
        note="What CHGNet r2scan was trained on. Its size and licence are asked of figshare.",
    ),
    _matpes("PBE", "2025.2", _MATPES_REVISION, note="About 2.4 GB."),
    _matpes(
        "r2SCAN",
        "2025.2",
        _MATPES_REVISION,
        n_frames=386_544,
        size=1_946_162_981,
        checksums={
            "MatPES-R2SCAN-2025.2.jsonl": (
                "sha256:cce36109689d75446b720d21a11faf3ed980df1a32ce6387237629774a770606"
            )
        },
    ),
    _matpes("PBE", "2025.1", "main", n_frames=434_712),
    _matpes("r2SCAN", "2025.1", "main", n_frames=387_897),
    _lemat(
        "Bulk",
        "pbe",
        "PBE",
        note="About 5.34 million structures of the Materials Project, Alexandria and OQMD, 3 GB.",
    ),
    _lemat("Bulk", "pbesol", "PBEsol", n_frames=447_824, note="About 0.2 GB."),
    _lemat("Bulk", "scan", "SCAN", note="About 423,000 structures."),
    _lemat(
        "Traj",
        "pbe",
        "PBE",
        n_frames=112_932_152,
        size=78_018_594_166,
        note="Relaxations of the Materials Project, Alexandria and OQMD: very large.",
    ),
)
"""The catalogue, in the order in which it is listed."""


def find_entry(key: str) -> Entry:
    """Return an entry of the catalogue.

    Raises:
        LabError: if there is none of that name.
    """
    for entry in ENTRIES:
        if entry.key == key:
            return entry
    keys = ", ".join(entry.key for entry in ENTRIES)
    raise LabError(f"There is no open data set {key!r} in the catalogue; choose one of: {keys}.")
