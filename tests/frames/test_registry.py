from pathlib import Path

import pytest

from core.errors import LabError
from core.frames import registry
from core.frames.registry import DatasetInfo, catalog
from core.frames.schema import Card, EnergyColumn
from core.frames.store import write_frames
from core.home import datasets_dir


@pytest.fixture
def two_sets(make_frames, tmp_path, monkeypatch):
    """One embedded and one imported data set, and a directory that is neither."""
    embedded = tmp_path / "embedded"
    monkeypatch.setattr(registry, "EMBEDDED_DIR", embedded)
    write_frames(embedded / "given", Card(name="given", kind="frames"), make_frames(2))
    write_frames(datasets_dir() / "mine", Card(name="mine", kind="frames"), make_frames(3))
    (embedded / "facts").mkdir()
    (embedded / "facts" / "card.json").write_text("{}")


@pytest.mark.usefixtures("two_sets")
def test_embedded_and_imported_sets_are_listed_and_open():
    listed = registry.list_datasets()
    assert [(info.card.name, info.embedded) for info in listed] == [
        ("given", True),
        ("mine", False),
    ]
    assert len(registry.open_dataset("given")) == 2
    assert len(registry.open_dataset("mine")) == 3


@pytest.mark.usefixtures("two_sets")
def test_only_imported_sets_are_deleted():
    with pytest.raises(LabError, match="is embedded"):
        registry.delete_dataset("given")
    registry.delete_dataset("mine")
    assert [info.card.name for info in registry.list_datasets()] == ["given"]
    assert list(datasets_dir().iterdir()) == []
    with pytest.raises(LabError, match="no data set 'mine'; choose one of: given"):
        registry.open_dataset("mine")


@pytest.mark.usefixtures("two_sets")
def test_a_name_is_given_once():
    for name in ("given", "mine"):
        with pytest.raises(LabError, match="already"):
            registry.new_dataset_path(name)
    assert registry.new_dataset_path("other").parent == datasets_dir()


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "Big", "a b", "-x"])
def test_bad_names_are_refused(name):
    with pytest.raises(LabError, match="is not a valid name"):
        registry.open_dataset(name)


@pytest.mark.usefixtures("two_sets")
def test_an_unreadable_card_hides_only_its_own_set(caplog):
    (datasets_dir() / "mine" / "card.json").write_text("{")
    assert [info.card.name for info in registry.list_datasets()] == ["given"]
    assert "mine" in caplog.text
    with pytest.raises(LabError, match="is not a valid card"):
        registry.open_dataset("mine")


def test_energies_of_one_functional_are_listed_as_such():
    def info(*functionals):
        energies = [EnergyColumn(column=f"e{i}", functional=f) for i, f in enumerate(functionals)]
        card = Card(name="x", kind="pairs", energies=energies)
        return DatasetInfo(card=card, path=Path("x"), embedded=False)

    infos = [info("PBE"), info("PBE", "PBE"), info("PBE", "r2SCAN"), info("unknown", "unknown")]
    assert list(catalog(infos)["kind"]) == ["energies", "energies", "pairs", "pairs"]
