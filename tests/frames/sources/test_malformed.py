"""Every form with eight kinds of damage: what is whole is taken, the rest is told in a sentence."""

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.errors import LabError
from core.frames.registry import list_datasets
from core.frames.sources.importing import import_dataset, open_input
from core.frames.sources.opening import SOURCES, open_source
from core.frames.sources.records import Reading
from core.frames.tables.guessing import Kind
from core.home import datasets_dir
from tests.frames.sources.malformed_files import EXAMPLES, FOLDERS, TABLES


def cut(share: float, content: bytes) -> bytes:
    return content[: int(len(content) * share)]


def zeroed(share: float, content: bytes) -> bytes:
    place = int(len(content) * share)
    n = min(64, len(content) // 4)
    return content[:place] + bytes(n) + content[place + n :]


def stars(content: bytes) -> bytes:
    """Overwrite a number in the middle as Fortran does where it does not fit."""
    place = len(content) // 2
    match = re.compile(rb"-?\d+\.\d+").search(content, place)
    if match is None:
        return content[:place] + b"*****" + content[place + 5 :]
    return content[: match.start()] + b"*" * len(match[0]) + content[match.end() :]


def without_a_line(content: bytes) -> bytes:
    lines = content.split(b"\n")
    del lines[len(lines) // 2]
    return b"\n".join(lines)


def shifted(content: bytes) -> bytes:
    half = len(content) // 2
    return content[:half] + content[half + 7 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut at a tenth": partial(cut, 0.1),
    "cut at the half": partial(cut, 0.5),
    "cut before its end": partial(cut, 0.97),
    "zeros near its beginning": partial(zeroed, 0.2),
    "zeros near its end": partial(zeroed, 0.8),
    "stars": stars,
    "without a line": without_a_line,
    "without seven bytes": shifted,
    "not in UTF-8": lambda content: content.replace(b"e", b"\xff", 7),
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))


def functional_of(path: Path) -> str:
    source = open_input(path)
    try:
        return source.functional(source.mapping("frames"), "frames")
    except LabError:
        return "PBE"


def settings_of(form: str, path: Path) -> dict[str, Any]:
    """Return what a user says of a file beside its name."""
    if form == "mtp":
        return {"reading": Reading(elements=("Na", "Cl")), "functional": "PBE"}
    if form == "id-prop":
        return {"mapping": {"energy": "target"}, "functional": "PBE"}
    return {"functional": functional_of(path)}


def kept() -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in datasets_dir().rglob("*") if file.is_file()}


def import_damaged(
    path: Path, name: str, n_whole: int, *, kind: Kind = "frames", **settings: Any
) -> None:
    """Import a damaged file: a sentence, or a data set whose card says what is missing."""
    try:
        card = import_dataset(path, kind, name=name, **settings)
    except LabError as error:
        said = str(error)
        assert re.fullmatch(r"[^\n]{20,600}[.)]", said), (name, said)
        # The exception of a library would be one that nobody has thought of.
        assert not re.search(r"cannot be read \([A-Z]\w+: ", said), (name, said)
        return
    assert card.n <= n_whole
    for refusal in card.report.refused if card.report else ():
        assert "\n" not in refusal.where + refusal.why
    shutil.rmtree(datasets_dir() / name)


def test_every_form_is_tried():
    assert {source.form for source in SOURCES} == {*EXAMPLES, *FOLDERS}


@pytest.mark.parametrize("form", EXAMPLES)
def test_damage_is_told_and_loses_nothing(form, tmp_path):
    name, make = EXAMPLES[form]
    path = tmp_path / "files" / name
    path.parent.mkdir()
    make(path)
    source = open_source(path)
    assert source is not None
    assert source.form == form
    content = path.read_bytes()
    settings = settings_of(form, path)
    n_whole = import_dataset(path, "frames", name="whole", **settings).n
    before = kept()
    for number, damage in enumerate(DAMAGES.values()):
        path.write_bytes(damage(content))
        import_damaged(path, f"d{number}", n_whole, **settings)
    assert kept() == before
    assert [info.card.name for info in list_datasets() if not info.embedded] == ["whole"]


@pytest.mark.parametrize("form", FOLDERS)
def test_a_damaged_file_among_others(form, tmp_path):
    path = tmp_path / "files"
    files = FOLDERS[form](path)
    path = path / "structure_list" if form == "structure_list" else path
    source = open_source(path)
    assert source is not None
    assert source.form == form
    settings = settings_of(form, path)
    n_whole = import_dataset(path, "frames", name="whole", **settings).n
    before = kept()
    for file in files:
        content = file.read_bytes()
        for number, damage in enumerate([*list(DAMAGES.values())[1::2], lambda _: b""]):
            file.write_bytes(damage(content))
            import_damaged(path, f"d{number}", n_whole, **settings)
        file.unlink()
        import_damaged(path, "gone", n_whole, **settings)
        file.write_bytes(content)
    assert kept() == before


@pytest.mark.parametrize("what", TABLES)
def test_a_damaged_table(what, tmp_path):
    name, kind, make = TABLES[what]
    path = tmp_path / "files" / name
    path.parent.mkdir()
    make(path)
    settings: dict[str, Any] = {} if kind == "pairs" else {"functional": "PBE"}
    n_whole = import_dataset(path, kind, name="whole", **settings).n
    before = kept()
    content = path.read_bytes()
    for number, damage in enumerate(DAMAGES.values()):
        path.write_bytes(damage(content))
        import_damaged(path, f"d{number}", n_whole, kind=kind, **settings)
    assert kept() == before
