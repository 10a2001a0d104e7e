"""What validators say, in plain words."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from core.errors import plain_fault
from core.files import disk_error_message


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (int, "abc", "should be a whole number"),
        (int, 1.5, "should be a whole number"),
        (float, "x", "should be a number"),
        (Annotated[int, Field(ge=1)], 0, "should be at least 1"),
        (Annotated[float, Field(gt=0)], 0, "should be above 0"),
        (Annotated[float, Field(lt=1)], 1, "should be below 1"),
        (Annotated[float, Field(le=1)], 2, "should be at most 1"),
        (Annotated[float, Field(allow_inf_nan=False)], float("nan"), "should be a finite number"),
        (Annotated[str, Field(max_length=3)], "long", "should have at most 3 characters"),
        (Annotated[str, Field(min_length=1)], "", "should not be empty"),
    ],
)
def test_faults_that_pydantic_finds(kind, value, words):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    message = caught.value.errors()[0]["msg"]
    assert plain_fault(message) == words
    assert plain_fault(f"Invalid value for '--x': {message}") == f"Invalid value for '--x': {words}"


def test_a_name_that_is_too_long_is_not_repeated(tmp_path):
    with pytest.raises(OSError, match="too long") as caught:
        Path(tmp_path, "n" * 300, "card.json").read_text(encoding="utf-8")
    message = disk_error_message(caught.value)
    assert message == f"The name {'n' * 40}… has 300 characters; choose a shorter one."
