import ctypes
import logging
from types import SimpleNamespace

import pytest
import torch

from core.potential.kernels import library as module
from core.potential.kernels.library import call, library


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A machine on which no library was made."""
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    library.cache_clear()
    yield tmp_path
    library.cache_clear()


@pytest.mark.skipif(library() is None, reason="the C++ compiler is missing; .ci/run installs it")
def test_it_is_compiled_once(fresh, monkeypatch):
    assert isinstance(library(), ctypes.CDLL)
    (made,) = fresh.rglob("*.so")
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    library.cache_clear()
    monkeypatch.setattr(module, "_compile", lambda *_: pytest.fail("compiled again"))
    assert isinstance(library(), ctypes.CDLL)


def test_another_processor_gets_another(fresh, monkeypatch):
    made = []
    monkeypatch.setattr(module, "_compile", lambda _, path: made.append(path.name))
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=b"12"))
    for processor in ("one", "other", "one"):
        monkeypatch.setattr(module, "_processor", lambda processor=processor: processor)
        library.cache_clear()
        assert library() is None
    assert made[0] == made[2] != made[1]


@pytest.mark.skipif(library() is None, reason="the C++ compiler is missing; .ci/run installs it")
def test_what_the_compiler_says_is_told(fresh, monkeypatch, caplog):
    source = fresh / "wrong.cpp"
    source.write_text("int one( {")
    monkeypatch.setattr(module, "_SOURCES", [source])
    assert library() is None
    assert "wrong.cpp:1" in caplog.text
    assert "error" in caplog.text


@pytest.mark.parametrize("compiler", ["false", "missing", None])
def test_torch_computes_where_it_cannot_be_compiled(fresh, monkeypatch, caplog, compiler):
    found = {"false": "/bin/false", "missing": str(fresh / "none"), None: None}[compiler]
    monkeypatch.setattr(module.shutil, "which", lambda _: found)
    with caplog.at_level(logging.INFO):
        assert library() is None
    assert "torch computes products and messages, which takes longer" in caplog.text
    assert not list(fresh.rglob("*.so"))
    with pytest.raises(RuntimeError, match="compiled with a library that is not here"):
        call("gathered", torch.ones(1), 1)


def test_a_folder_that_cannot_be_written_is_no_error(fresh, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "file"))
    assert library() is None
