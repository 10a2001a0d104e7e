"""A lab of its own, and a study that processes of their own know as well."""

import sys
from pathlib import Path

import pytest

from core.studies import catalog
from core.studies.job import local


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    monkeypatch.setitem(catalog._CLASSES, "mean", "tests.studies.job.example_study:MeanStudy")
    script = str(Path(__file__).with_name("example_study.py"))
    monkeypatch.setattr(local, "_command", lambda path: [sys.executable, script, str(path)])
    return tmp_path
