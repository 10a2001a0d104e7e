"""The model card tells what a run was, and its snippet is Python."""

import ast

import pytest

from core.errors import LabError
from core.frames.registry import find_dataset
from core.runs.export.card import model_card, snippet
from core.runs.export.checkpoint import card_path, export_checkpoint
from core.runs.process import local


@pytest.fixture
def ended(lab):
    run = lab.new_run(method="refit", dataset="mp-frames-r2scan", seed=7, frozen=("conv0",))
    local.launch(run)
    lab.wait(run, "finished")
    run.best_checkpoint.write_bytes(b"weights")
    return run


def test_it_names_data_figures_versions_and_the_command(ended):
    ended.update(labels="chgnet-r2scan")
    text = model_card(ended, file="mine.pth.tar")
    for told in (
        "# CHGNet for r2SCAN",
        "made by chgnet-r2scan, not by DFT",
        "| Energy MAE, meV/atom | 90 | 90 | 90 |",
        "| Stress MAE, GPa | – | – | – |",
        "| Frozen blocks | conv0 |",
        "| Seed | 7 |",
        "| torch | 2.",
        "--dataset mp-frames-r2scan",
        "--freeze conv0",
        'CHGNet.from_file("mine.pth.tar")',
    ):
        assert told in text
    assert find_dataset("mp-frames-r2scan").card.fingerprint in text


def test_text_of_users_stays_text(ended):
    ended.update(labels="<script>|*x*")
    assert "| Labels by | \\<script\\>\\|\\*x\\* |" in model_card(ended)


def test_the_snippet_is_python():
    ast.parse(snippet('odd"name\\.pth.tar'))


def test_export_writes_both_or_nothing(ended, tmp_path):
    path = tmp_path / "model.pth.tar"
    assert card_path(path) == tmp_path / "model.card.md"
    assert card_path(tmp_path / "model").name == "model.card.md"
    assert export_checkpoint(ended, path) == tmp_path / "model.card.md"
    assert path.read_bytes() == b"weights"
    assert "model.pth.tar" in (tmp_path / "model.card.md").read_text()
    with pytest.raises(LabError, match="exists already"):
        export_checkpoint(ended, path)
    path.unlink()
    with pytest.raises(LabError, match=r"card.md: exists already"):
        export_checkpoint(ended, path)
    assert not path.exists()


def test_without_an_epoch_there_is_no_card(lab):
    with pytest.raises(LabError, match="no validated epoch"):
        model_card(lab.new_run())
