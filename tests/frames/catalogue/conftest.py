"""Each test has a home and a host of its own; no test reaches another machine."""

import numpy as np
import pytest

from core.frames.catalogue import fetch, hosts
from core.frames.catalogue.entries import Entry
from tests.frames.catalogue.host import serving

CONTENT = np.random.default_rng(0).bytes(1 << 20)


def entry_of(host, **changes):
    facts = {
        "key": "small",
        "title": "A small data set",
        "host": host,
        "record": "someone/data" if host == "huggingface.co" else "123",
        "version": "1",
        "files": ("*.jsonl", "*.json*"),
        "page": "https://example.org/data",
        "functional": "PBE",
        "corrections": "none",
        "labels": "energy",
        "layout": "MPtrj nested JSON",
        "citation": "Somebody (2025)",
        "doi": "10.0/0",
    }
    return Entry(**(facts | changes))


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    with serving({"data.json.gz": CONTENT}) as (served, url):
        monkeypatch.setattr(hosts, "FIGSHARE", url)
        monkeypatch.setenv("HF_ENDPOINT", url)
        yield served


@pytest.fixture(params=["figshare.com", "huggingface.co"])
def entry(request, host):
    return entry_of(request.param)
