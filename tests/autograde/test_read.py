"""Honest damage is read, dishonest size is refused, and only sentences come out."""

import base64
import json
import os
import random
import socket
import time

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograde.fuzz import bulk
from autograde.read import MAX_NOTES, Cell, Folder, Submitted, Unreadable, read_folder, read_notebook, refusal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["code", "markdown", "a"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                [
                    "cells",
                    "source",
                    "metadata",
                    "nbgrader",
                    "grade_id",
                    "cell_type",
                    "outputs",
                    "attachments",
                    "worksheets",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


def code(source="x = 1", name=None, **more):
    metadata = {"nbgrader": {"grade_id": name}} if name else {}
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": [], "execution_count": None} | more


def packed(*cells, **more):
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | more).encode()


def refused(data):
    with pytest.raises(Unreadable) as caught:
        read_notebook(data, "A1.ipynb")
    return str(caught.value)


# --- encodings and shapes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage, told",
    [
        (lambda t: t.encode("utf-8"), None),
        (lambda t: t.encode("utf-8-sig"), "byte order mark"),
        (lambda t: t.encode("utf-16"), "UTF-16"),
        (lambda t: t.encode("utf-16-be"), "UTF-16"),
        (lambda t: t.encode("utf-32"), "UTF-32"),
        (lambda t: t.encode("latin-1"), "Latin-1"),
        (lambda t: t.encode("utf-8") + b"\0" * 4096, "null bytes"),
        (lambda t: t.encode("utf-16-le") + b"\0" * 4096, "null bytes"),
        (lambda t: t.replace("\n", "\r\n").encode("utf-8"), None),
    ],
)
def test_every_encoding_gives_the_same_cells(damage, told):
    cells = [code("naïve = 'é'\ny = 2", "layer"), code(["a\r\n", "b"])]
    text = json.dumps({"cells": cells}, ensure_ascii=False, indent=1)
    found = read_notebook(damage(text))
    assert found.cells == (Cell("code", "naïve = 'é'\ny = 2", "layer"), Cell("code", "a\nb"))
    assert (told is None and found.notes == ()) or told in " ".join(found.notes)


def test_one_broken_byte_does_not_turn_the_other_letters_into_latin_1():
    data = json.dumps({"cells": [code("ääää X")]}, ensure_ascii=False).encode().replace(b"X", b"\xff")
    assert read_notebook(data).cells[0].source == "ääää \ufffd"


def test_reading_agrees_with_nbformat_on_real_notebooks(root):
    paths = [root / "solutions/A1/A1.ipynb", root / "assignments/A1/A1.ipynb", *sorted(root.glob("lectures/*.ipynb"))]
    assert len(paths) > 2
    for path in paths:
        wanted = nbformat.read(path, as_version=4).cells
        found = read_notebook(path.read_bytes())
        assert not found.notes
        assert [(c.kind, c.source) for c in found.cells] == [(c.cell_type, c.source) for c in wanted]
        assert [c.name for c in found.cells] == [c.metadata.get("nbgrader", {}).get("grade_id") for c in wanted]


def test_nbformat_3_is_read():
    sheet = [
        {"cell_type": "heading", "level": 2, "source": "Title"},
        {"cell_type": "code", "input": ["a\n", "b"], "metadata": {"nbgrader": {"grade_id": "layer"}}, "outputs": [{}]},
    ]
    found = read_notebook(json.dumps({"worksheets": [{"cells": sheet}], "nbformat": 3}).encode())
    assert found.cells == (Cell("markdown", "## Title"), Cell("code", "a\nb", "layer"))


@pytest.mark.parametrize(
    "outputs", [None, {}, 5, "x", [[[[]]]], [{"data": {"outputs": ["]", '"', {"a": []}]}}], [float("nan")] * 9, []]
)
def test_outputs_of_any_shape_are_dropped(outputs):
    found = read_notebook(packed(code("a", "n", outputs=outputs), code("b", attachments={"x": [1]})))
    assert found == Submitted((Cell("code", "a", "n"), Cell("code", "b")))


@pytest.mark.parametrize("indent", [None, 1])
def test_text_that_looks_like_structure_stays_text(indent):
    sources = [
        '"outputs": [',
        '{"cells": []}',
        'print("]}")\\',
        '\\"outputs\\": [',
        '"metadata": {"nbgrader": 1}',
        "[[[[",
    ]
    cells = [code(s, outputs=[{"text": [*sources, '"outputs": [']}]) for s in sources]
    found = read_notebook(json.dumps({"metadata": {"cells": [1]}, "cells": cells}, indent=indent).encode())
    assert [c.source for c in found.cells] == sources


@pytest.mark.parametrize(
    "text, sources",
    [
        ('{"cells": [{"cell_type": "code", "source": "\\ud83d lone"}]}', ["\ufffd lone"]),
        ('{"cells": [], "cells": [{"cell_type": "code", "source": "last"}]}', ["last"]),
        ('{"nbformat": 1e999, "x": NaN, "y": -Infinity, "z": %s, "cells": []}' % ("9" * 50_000), []),
        ('{"cells": [7, null, {"cell_type": "code", "source": "a\\u0000b"}]}', ["ab"]),
        ('{"cells": [{"cell_type": ["code"], "source": [1, "b", {}]}]}', ["b"]),
        ('{"cells": [{"cell_type": "code", "source": "tab\tin it", "metadata": []}]}', ["tab\tin it"]),
        ('{"nbformat": 99, "cells": [{"source": 5, "outputs": []}]}', [""]),
    ],
)
def test_odd_json_is_read(text, sources):
    assert [c.source for c in read_notebook(text.encode()).cells] == sources


@pytest.mark.parametrize("mark", [[], "a", 3, {"grade_id": None}, {"grade_id": 3}, {"grade_id": "x" * 201}, {"a": 1}])
def test_metadata_of_a_wrong_type_makes_a_cell_without_name_and_a_note(mark):
    found = read_notebook(packed(code() | {"metadata": {"nbgrader": mark, "tags": ["skip-execution"]}}))
    assert found.cells == (Cell("code", "x = 1", None),)
    told = [] if mark == {} else found.notes
    assert len(told) == (1 if mark != {} else 0)


def test_a_name_of_200_characters_is_a_name():
    assert read_notebook(packed(code(name="x" * 200))).cells[0].name == "x" * 200


def test_a_thousand_accidents_are_not_a_thousand_notes():
    notes = read_notebook(packed(*[5] * 1000)).notes
    assert len(notes) == MAX_NOTES and "961 more" in notes[-1]


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, told",
    [
        (b"", "A1.ipynb is empty (0 bytes): save it in JupyterLab and hand it in again."),
        (b"\0" * 700, "nothing but 700 empty bytes"),
        (b"PK\x03\x04....", "a zip archive: unpack it"),
        (b"%PDF-1.4", "a PDF"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (packed(code())[:-30], "is cut off"),
        (packed(code("a" * 99))[:90], "is cut off"),
        (b"[1, 2]", "a JSON list"),
        (b"7", "a JSON number"),
        (b'{"a": 1}', "no list of cells"),
        (b"import numpy as np\n", "not JSON"),
        (b'{"cells": [] "a"}', "Expecting ',' delimiter"),
        (b'{\n<<<<<<< HEAD\n"cells": []\n', "merge conflict"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "deeply nested"),
        (b'{"cells": [' + b"5," * 5000 + b"5]}", "5,001 cells"),
        (packed(code("a" * 1_000_001)), "Cell 1 of A1.ipynb holds 1,000,001 characters"),
        (packed(*[code("a" * 999_999)] * 7), "6,000,000 characters in its cells"),
        (b" " * 64_000_001, "clear its outputs"),
        (b"[[[]]]" * 3_400_000, "too many or too deeply nested"),
        (b'{"cells": [' + b"5," * 5_000_000 + b"5]}", "400,000 values"),
    ],
)
def test_what_is_refused_is_told_in_a_sentence(data, told):
    message = refused(data)
    assert told in message and "\n" not in message and len(message) < 300


@pytest.mark.parametrize("outputs", ["image", "printed", "records"])
def test_thirty_megabytes_of_outputs_are_read(outputs):
    content = {
        "image": lambda: [{"data": {"image/png": base64.b64encode(random.Random(0).randbytes(22_000_000)).decode()}}],
        "printed": lambda: [{"output_type": "stream", "text": ["a line of text, printed\n"] * 1_000_000}],
        "records": lambda: [{"data": {"values": [{"x": 12345, "y": 2.5, "series": "abc"}] * 650_000}}],
    }[outputs]()
    cell = {key: code("a", "layer")[key] for key in ("cell_type", "metadata", "source")}  # a text just before the key
    data = packed(cell | {"outputs": content}, code("b"))
    assert len(data) > 25_000_000
    begin = time.process_time()
    found = read_notebook(data)
    assert time.process_time() - begin < 2.0
    assert found == Submitted((Cell("code", "a", "layer"), Cell("code", "b")))


def test_a_long_picture_in_a_markdown_cell_costs_that_cell_its_text():
    found = read_notebook(packed({"cell_type": "markdown", "source": "!" * 1_000_001}, code("a")))
    assert [c.source for c in found.cells] == ["", "a"] and "cell 1 was left out" in found.notes[0]


@given(JSON)
def test_any_json_is_read_or_refused(tree):
    data = json.dumps(tree).encode()
    try:
        found = read_notebook(data)
    except Unreadable:
        return
    cells = tree.get("cells") if isinstance(tree.get("cells"), list) else None
    if cells is not None:
        assert len(found.cells) == sum(isinstance(c, dict) for c in cells)
    for cell in found.cells:
        assert cell.kind in ("code", "markdown", "raw") and isinstance(cell.source, str)
        assert cell.name is None or 0 < len(cell.name) <= 200
        (cell.source + (cell.name or "")).encode("utf-8")


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")), max_size=6), st.booleans()
)
def test_sources_come_through_letter_by_letter(sources, ascii_only):
    text = json.dumps({"cells": [code(s, outputs=[s]) for s in sources]}, ensure_ascii=ascii_only)
    assert [c.source for c in read_notebook(text.encode()).cells] == sources


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data):
    for whole in (data, b'{"cells": [' + data):
        try:
            read_notebook(whole)
        except Unreadable as error:
            assert str(error)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_megabytes_of_one_thing_take_less_than_two_seconds(seed):
    data = bulk(random.Random(seed), packed(code("a", "layer"), code("b")))
    begin = time.process_time()
    try:
        read_notebook(data)
    except Unreadable:
        pass
    assert time.process_time() - begin < 2.0


# --- folders ---------------------------------------------------------------------------------------------------------

KNOWN = {"layer", "layer-test", "setup"}
WORK = packed(code("work", "layer"), code("t", "layer-test"))
BLANK = packed(code("blank", "layer"), code("t", "layer-test"))
OTHER = packed(code("x", "elsewhere"))


def untouched(submitted):
    return submitted.cells[0].source == "blank"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "A1"
    path.mkdir()
    return path


def put(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def read(folder):
    return read_folder(folder, "A1", KNOWN, untouched)


@pytest.mark.parametrize(
    "files, chosen, told",
    [
        ({"A1.ipynb": WORK}, "A1.ipynb", None),
        ({"A1.ipynb": BLANK}, "A1.ipynb", None),
        ({"A1.ipynb": WORK, "A1 (1).ipynb": WORK}, "A1.ipynb", None),
        ({"A1 (1).ipynb": WORK}, "A1 (1).ipynb", "there is no A1.ipynb"),
        ({"a1-final.ipynb": WORK, "scratch.ipynb": OTHER}, "a1-final.ipynb", "there is no A1.ipynb"),
        ({"A1.ipynb": BLANK, "a1-final.ipynb": WORK}, "a1-final.ipynb", "A1.ipynb holds no work"),
        ({"A1.ipynb": OTHER, "mine.ipynb": WORK}, "mine.ipynb", "A1.ipynb is another notebook"),
        ({"A1.ipynb": b"{", "mine.ipynb": WORK}, "mine.ipynb", "A1.ipynb could not be read"),
        ({"A1.ipynb": OTHER, "mine.ipynb": BLANK}, "mine.ipynb", "is another notebook"),
        ({"A1.ipynb": BLANK, "mine.ipynb": BLANK}, "A1.ipynb", None),
        ({"A1.ipynb": BLANK, "mine.ipynb": OTHER}, "A1.ipynb", None),
        ({"A1 (2).ipynb": WORK, "A1 (10).ipynb": WORK}, "A1 (10).ipynb", "Other notebooks hold work as well"),
        ({"A1 (2).ipynb": WORK, "A1 (10).ipynb": BLANK}, "A1 (2).ipynb", "there is no A1.ipynb"),
        ({"A1/A1.ipynb": WORK, "A1/data.csv": b"1"}, "A1/A1.ipynb", "there is no A1.ipynb"),
        ({"stripped.ipynb": OTHER}, "stripped.ipynb", "there is no A1.ipynb"),
    ],
)
def test_the_notebook_is_found(folder, files, chosen, told):
    put(folder, files)
    found = read(folder)
    assert (found.name, found.notebook) == (chosen, files[chosen])
    assert told in " ".join(found.notes) if told else not any("was taken" in n for n in found.notes)
    assert set(found.files) <= {"data.csv"}


@pytest.mark.parametrize(
    "files, told",
    [
        ({}, "no notebook A1.ipynb, only nothing"),
        ({"A1.zip": b"PK"}, "only 'A1.zip'"),
        ({"x.ipynb": OTHER, "y.ipynb": OTHER}, "no notebook A1.ipynb"),
        ({"A1.ipynb": b""}, "A1.ipynb is empty (0 bytes)"),
        ({"A1.ipynb": b"{", "x.ipynb": OTHER}, "cut off"),
        ({".ipynb_checkpoints/A1.ipynb": WORK}, "no notebook A1.ipynb"),
    ],
)
def test_a_folder_without_its_notebook_is_refused(folder, files, told):
    put(folder, files)
    with pytest.raises(Unreadable) as caught:
        read(folder)
    assert told in str(caught.value)


def test_files_come_along_by_relative_path_and_traps_stay_behind(folder):
    wanted = {
        "data.csv": b"1,2",
        "helper_of_mine.py": b"x = 1",
        "my data/a+b (1).txt": b"a",
        "random.txt": b"no module",
    }
    traps = [
        *("numpy.py", "edfcore/__init__.py", "sitecustomize.py", "usercustomize.py", "random.py", "ipykernel/x.py"),
        *(
            "a.pth",
            "b.so",
            "c.pyc",
            "d.cpython-311-x86_64-linux-gnu.so",
            "sub/e.pth",
            "numpy.pyi",
            "NumPy.py",
            "typing/a.txt",
        ),
        *(
            ".ipython/profile_default/startup/0.py",
            ".hidden",
            "other.ipynb",
            "CON.txt",
            "nul",
            "a..b",
            "é.csv",
            "x;y",
            "-rf",
        ),
        *("trailing.", "ipykernel_launcher.py", "__main__.py", "DATA.csv"),
    ]
    put(folder, {"A1.ipynb": WORK, "timestamp.txt": b"1990", "A1.checks.json": b"{}", **wanted})
    put(folder, {name: b"trap" for name in traps})
    found = read(folder)
    kept = found.files.keys() | ({"data.csv"} if "DATA.csv" in found.files else set())
    assert kept - {"DATA.csv"} == wanted.keys()
    assert not {"data.csv", "DATA.csv"} <= found.files.keys()
    assert sum("was left out" in n for n in found.notes) >= 20
    assert not any("timestamp" in n or "checks" in n for n in found.notes)


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../b", "a//b", "", "a/.x/b", "a\\b", "a\nb", "x" * 101, "\udc80"]
)
def test_paths_that_lead_elsewhere_are_refused(path):
    assert refusal(path)


@given(st.text("aZ0._-/ ()+\\~\n\u00e9", max_size=12))
def test_an_allowed_path_stays_below_its_folder(path):
    if refusal(path) is None:
        assert os.path.normpath(os.path.join("/base", path)) == "/base/" + path
        assert path.isascii() and not path.startswith((".", "-"))


def test_links_pipes_sockets_and_hard_links_are_never_opened(folder, tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_bytes(b"CANARY")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "s").write_bytes(b"CANARY")
    put(folder, {"A1.ipynb": WORK})
    (folder / "link.txt").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path / "secrets")
    os.link(secret, folder / "hard.txt")
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)  # a socket's path may have 100 characters only
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        found = read(folder)
    assert found.files == {} and b"CANARY" not in found.notebook
    assert [n.split(" ")[0] for n in found.notes] == ["'link.txt'", "'linked'", "'pipe'", "'socket'", "'hard.txt'"]


@pytest.mark.parametrize("make", [os.symlink, os.link, lambda _, path: os.mkfifo(path), lambda _, path: os.mkdir(path)])
def test_a_notebook_that_is_no_plain_file_is_refused(folder, tmp_path, make):
    (tmp_path / "secret").write_bytes(WORK)
    make(tmp_path / "secret", folder / "A1.ipynb")
    with pytest.raises(Unreadable, match="A1.ipynb"):
        read(folder)


def test_the_folder_itself_may_not_be_a_link(folder, tmp_path):
    put(folder, {"A1.ipynb": WORK})
    (tmp_path / "bob").symlink_to(folder)
    for path in (tmp_path / "bob", tmp_path / "nobody", folder / "A1.ipynb", "\0"):
        with pytest.raises(Unreadable, match="cannot be opened"):
            read(path)


def test_a_file_swapped_for_a_link_while_it_is_read_is_not_followed(folder, tmp_path, monkeypatch):
    put(folder, {"A1.ipynb": WORK, "data.csv": b"mine"})
    (tmp_path / "secret").write_bytes(b"CANARY")
    real = os.open

    def swap_then_open(path, *args, **kwargs):
        if path == "data.csv":
            (folder / "data.csv").unlink()
            (folder / "data.csv").symlink_to(tmp_path / "secret")
        return real(path, *args, **kwargs)

    supported = os.supports_dir_fd | {swap_then_open}
    monkeypatch.setattr(os, "supports_dir_fd", supported)
    monkeypatch.setattr(os, "open", swap_then_open)
    found = read(folder)
    assert found.files == {} and "'data.csv' was left out" in found.notes[-1]


def test_caps_on_entries_depth_and_bytes(folder):
    put(
        folder,
        {"A1.ipynb": WORK} | {f"f/{i}.txt": b"" for i in range(250)} | {"a/b/c/d/e.txt": b"", "a/b/c/ok.txt": b""},
    )
    found = read(folder)
    assert len(found.files) < 200 and any("more than 200 entries" in n for n in found.notes)
    assert "a/b/c/ok.txt" in found.files and "a/b/c/d/e.txt" not in found.files
    for i in range(250):
        (folder / "f" / f"{i}.txt").unlink()
    for i in range(3):
        with open(folder / f"big{i}", "wb") as sparse:
            sparse.truncate(9_000_000)
    with open(folder / "huge", "wb") as sparse:
        sparse.truncate(10**12)
    found = read(folder)
    assert [len(found.files.get(f"big{i}", "")) for i in range(3)] == [9_000_000, 9_000_000, 0]
    assert "huge" not in found.files


def test_no_descriptor_is_left_open(folder):
    put(folder, {"A1.ipynb": BLANK, "b.ipynb": WORK, "a/b/c/d/e.txt": b"", "x.txt": b""})
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        assert isinstance(read(folder), Folder)
    assert len(os.listdir("/proc/self/fd")) == before
