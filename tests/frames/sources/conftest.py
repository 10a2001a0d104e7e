from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "frames.xyz"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write
