"""Files with JSON documents."""

import json

import pytest


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="data.json"):
        path = tmp_path / name
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file
