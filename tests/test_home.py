import os

import pytest

from core.home import keep_compiled_code


@pytest.fixture(autouse=True)
def compiled(monkeypatch, tmp_path):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "to be put back")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")


def test_compiled_code_is_kept_at_home(tmp_path):
    keep_compiled_code()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "home" / "cache" / "compiled")
    assert not (tmp_path / "home").exists()


def test_another_place_is_respected(monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "elsewhere")
    keep_compiled_code()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "elsewhere"
