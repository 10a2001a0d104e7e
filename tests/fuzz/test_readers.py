"""`make fuzz` begins with files that every reader reads."""

import json
import random
from copy import deepcopy

import pytest

from tests.fuzz.mutators import VALUES, damage_document
from tests.fuzz.readers import READERS, attempt


@pytest.mark.parametrize("name", READERS)
def test_a_reader_reads_its_smallest_example(name, tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    file, data = min(READERS[name].examples().items(), key=lambda item: len(item[1]))
    path = tmp_path / file
    path.write_bytes(data)
    outcome = attempt(name, str(path))
    assert outcome.kind in {"read", "told"}, outcome.text


def test_a_damaged_document_depends_on_the_seed_alone():
    whole, before = {"a": [1, {"b": []}], "c": {"d": 1}}, repr(VALUES)
    for seed in range(300):
        chance = random.Random(seed)  # noqa: S311  no secrets
        json.dumps(damage_document(deepcopy(whole), chance))
        json.dumps(damage_document(5, chance))
    assert repr(VALUES) == before
