"""The elements of JSON files are those that Python's json reads, however the file is written."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.frames.sources.json_files import stream as json_stream
from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.stream import Element, elements
from core.frames.sources.json_files.walk import ANY
from core.frames.sources.records import Refused

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text()
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(["a", 'q"', "\\", "]"]), inner, max_size=4)
    ),
    max_leaves=25,
)
STYLES: list[Callable[[Any], str]] = [
    json.dumps,
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
    lambda value: json.dumps(value, indent=1).replace("\n", "\r\n"),
    lambda value: "\ufeff" + json.dumps(value, indent=4),
]


def walk(value: Any, at: tuple[str, ...], path: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield the same elements from the parsed document."""
    if not at:
        yield path, value
        return
    if not isinstance(value, (dict, list)):
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        if at[0] in (ANY, str(key)):
            yield from walk(inner, at[1:], (*path, str(key)))


def read(path: Path, at: tuple[str, ...] = (ANY,)) -> tuple[list[Any], list[Refused]]:
    """Return the elements, decoded, and what was refused."""
    items = list(elements(path, at))
    refused = [item for item in items if isinstance(item, Refused)]
    return [item for item in items if isinstance(item, Element)], refused


def decoded(found: list[Element]) -> str:
    """Return elements as a text in which NaN is equal to NaN."""
    return repr([(one.path, json.loads(bytes(one.data))) for one in found])


@settings(max_examples=80)
@given(
    value=DOCUMENTS.filter(lambda value: isinstance(value, (dict, list))),
    at=st.sampled_from([(), (ANY,), (ANY, ANY), ("a", ANY), (ANY, "a"), (ANY, ANY, ANY)]),
    style=st.sampled_from(STYLES),
    chunk=st.sampled_from([1, 7, 50, 1 << 20]),
)
def test_elements_are_those_of_python_at_any_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any, at: Any, style: Any, chunk: int
):
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    path = tmp_path / "x.json"
    path.write_bytes(style(value).encode("utf-8", "surrogatepass"))
    found, refused = read(path, at)
    assert not refused
    assert decoded(found) == repr(list(walk(value, at)))
    assert decoded(list(elements(path, at, first=1))) == decoded(found[1:])


@settings(max_examples=40)
@given(value=st.lists(DOCUMENTS, min_size=1, max_size=4), cut=st.integers(1, 40))
def test_a_file_cut_anywhere_gives_its_whole_elements(tmp_path: Path, value: Any, cut: int):
    text = json.dumps(value).encode()
    path = tmp_path / "x.json"
    path.write_bytes(text[: max(len(text) - cut, 1)])
    found, refused = read(path)
    assert len(refused) == 1
    right = [json.loads(json.dumps(one)) for one in value]
    whole = [json.loads(bytes(one.data)) for one in found]
    assert repr(whole) == repr(right[: len(whole)])


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zstd", "lz4"])
def test_compressed_files_are_read_and_what_is_cut_off_is_refused(tmp_path: Path, kind: str):
    data = json.dumps([{"number": n, "text": str(n**9) * 9} for n in range(2000)]).encode()
    compress: dict[str, Callable[[bytes], Any]] = {
        "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress
    }  # fmt: skip
    packed = compress[kind](data) if kind in compress else pa.compress(data, kind, asbytes=True)
    if kind not in compress:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, kind) as stream:
            stream.write(data)
        packed = sink.getvalue().to_pybytes()
    path = tmp_path / "named.any"
    path.write_bytes(packed)
    found, refused = read(path)
    assert [json.loads(bytes(one.data)) for one in found] == json.loads(data)
    assert not refused

    path.write_bytes(packed[: len(packed) // 2])
    found, refused = read(path)
    assert [json.loads(bytes(one.data))["number"] for one in found] == list(range(len(found)))
    assert refused[0].why.endswith("here")


@pytest.mark.parametrize(
    ("text", "n", "why"),
    [
        ('[{"a": 1}, {"b": 2}', 2, "ends here in the middle"),
        ('[{"a": 1}, {"b": ', 1, "ends here in the middle"),
        ('[{"a": 1}, "b', 1, "ends here in the middle"),
        ('[{"a": 1}, {"b": "x}]', 1, "ends here in the middle"),
        ('[{"a": 1}] {"b": 2}', 1, "something follows the end"),
        ('[{"a": 1}]\nname,energy', 1, "something follows the end"),
        ('[{"a": 1}]\0\0', 1, "something follows the end"),
        ('[{"a": 1} {"b": 2}]', 1, "at a place for no value"),
        ('[{"a": 1},, {"b": 2}]', 1, "unexpected ','"),
        ('[{"a": 1}, ]', 1, "where a value should be"),
        ('[{"a": 1}}', 1, "closes nothing"),
        ('{"x": {"a": 1}, y: {"b": 2}}', 1, "where a key should be"),
        ('{"x": {"a": 1}, "y" {"b": 2}}', 1, "at a place for no value"),
        ('{"x": {"a": 1}, {"b": 2}}', 1, "at a place for no value"),
        ('{"x": {"a": 1}, "y": "b" 3}', 2, "'3' at a place for no value"),
        ("[" * 100_000, 0, "ends here in the middle"),
    ],
)
def test_what_is_before_the_damage_is_kept_and_the_damage_has_a_place(
    tmp_path: Path, text: str, n: int, why: str
):
    path = tmp_path / "damaged.json"
    path.write_text(text)
    found, refused = read(path)
    assert len(found) == n
    assert len(refused) == 1
    assert why in refused[0].why
    assert refused[0].where.endswith("of damaged.json")


def test_lines_are_elements_and_empty_lines_are_none(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}\n{"a": broken\n{"a": 4}')
    found, refused = read(path)
    assert [one.path for one in found] == [("0",), ("1",), ("2",), ("3",)]
    assert bytes(found[3].data) == b'{"a": 4}'
    assert not refused


@pytest.mark.parametrize("form", ['[{"a": 0},%s,{"a": 2}]', '{"a": 0}\n%s\n{"a": 2}'])
def test_what_is_too_large_is_left_out_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
):
    monkeypatch.setattr(json_stream, "CHUNK", 64)
    monkeypatch.setattr(json_stream, "LARGEST", 1000)
    path = tmp_path / "x.json"
    path.write_text(form % json.dumps({"a": [[1, "x"]] * 500}))
    found, refused = read(path)
    assert [json.loads(bytes(one.data))["a"] for one in found] == [0, 2]
    assert ["and is left out" in one.why for one in refused] == [True]

    path.write_text('["a", "' + "x" * 5000 + '"]')
    found, refused = read(path)
    assert len(found) == 1
    assert "begins here" in refused[0].why


def test_the_head_shows_the_layout_of_a_file_that_breaks_off(tmp_path: Path):
    path = tmp_path / "x.json"
    path.write_text('{"mp-1": {"mp-1-0": {"energy": NaN, "structure": {"lattice": {"mat')
    head = json_head(path)
    assert head.value == {"mp-1": {"mp-1-0": {"energy": None, "structure": {"lattice": {}}}}}
    assert (head.is_json, head.is_lines, head.is_whole) == (True, False, False)
    for other in (b"", b"\x80\x04pickle", b"12 [", b"\x1f\x8b"):
        path.write_bytes(other)
        assert not json_head(path).is_json
    assert not json_head(tmp_path).is_json
    assert not json_head(tmp_path / "missing").is_json
