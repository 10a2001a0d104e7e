"""Each test of the command line has its own home, in an empty directory."""

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    # However slow the machine: tests look for errors on stderr, not for progress.
    monkeypatch.setattr("core.cli.answer._REPORT_SECONDS", 600.0)
    return tmp_path
