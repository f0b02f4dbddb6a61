import io
import json
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import fsspec
import pytest

from captcha_core.datasets import Dataset, Plan
from captcha_core.errors import ImageError, InputError, LabelError
from captcha_core.images.files import MAX_BYTES
from captcha_core.inputs import Entry, find_source, list_images
from captcha_core.inputs.arrivals import Arrivals
from captcha_core.inputs.dictionary import DiskDictionary
from captcha_core.inputs.folders import fetch
from captcha_core.inputs.labels import check_labels, open_labels
from captcha_core.inputs.lists import STANDARD_INPUT
from captcha_core.solving.listing import with_labels
from captcha_core.spec import Spec
from captcha_core.storage import Folder

PART = 1 << 20  # of a store's image, that is fetched first


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "10.webp", "notes.txt", "sub/c.gif", "sub/deep/d.bmp", "also/e.jpeg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def test_images_come_in_the_order_of_their_names(tree: Path) -> None:
    assert list(list_images(tree)) == ["10.webp", "a.JPG", "b.png"]


def test_folders_come_after_the_files_beside_them(tree: Path) -> None:
    assert list(list_images(tree, recursive=True)) == [
        "10.webp", "a.JPG", "b.png", "also/e.jpeg", "sub/c.gif", "sub/deep/d.bmp",
    ]  # fmt: skip


def test_a_link_in_a_circle_does_not_trap_the_listing(tree: Path) -> None:
    (tree / "sub" / "loop").symlink_to(tree)
    assert len(list(list_images(tree, recursive=True))) == 6


def test_a_link_to_an_image_is_an_image(tree: Path) -> None:
    (tree / "z.png").symlink_to(tree / "b.png")
    assert list(list_images(tree))[-1] == "z.png"


@pytest.mark.parametrize(("name", "word"), [("nowhere", "no such folder"), ("b.png", "not a folder")])
def test_a_wrong_place_is_named(tree: Path, name: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        list(list_images(tree / name))


def test_patterns_choose_by_the_last_part_or_by_the_whole_path(tree: Path) -> None:
    found = partial(list_images, tree, recursive=True)
    assert list(found(patterns=["*.txt", "?.png"])) == ["b.png", "notes.txt"]
    assert list(found(patterns=["sub/*"])) == ["sub/c.gif", "sub/deep/d.bmp"]
    assert list(found(patterns=["[ab].*"])) == ["a.JPG", "b.png"]


def test_a_store_lists_as_a_folder_of_this_machine_does(tree: Path) -> None:
    url = f"memory://{tree.name}/images"
    for path in tree.rglob("*.*"):
        with fsspec.open(f"{url}/{path.relative_to(tree)}", "wb") as file:
            file.write(path.name.encode())
    source = find_source(url, recursive=True)
    entries = list(source.open().entries())
    assert [entry.path for entry in entries] == list(list_images(tree, recursive=True))
    assert list(source.open().items(entries[:2])) == [b"10.webp", b"a.JPG"]


def test_the_first_images_can_be_looked_at(tree: Path) -> None:
    source = find_source(str(tree), recursive=True)
    assert source.first(3) == list(source.open().entries())[:3]
    assert source.first(1000) == list(source.open().entries())
    listed = tree / "list.txt"
    listed.write_text("b.png\n\na.JPG\n")
    assert [entry.path for entry in find_source(str(listed)).first(2)] == ["b.png", "a.JPG"]


def test_standard_input_still_yields_the_lines_that_were_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = io.BytesIO(b"a.png\nb.png\n\nc.png\nd.png\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(lines))
    source = find_source(STANDARD_INPUT)
    assert [entry.path for entry in source.first(2)] == ["a.png", "b.png"]
    assert lines.tell() > 0
    assert [entry.path for entry in source.first(3)] == ["a.png", "b.png"]  # a line that is empty
    assert [entry.path for entry in source.first(1)] == ["a.png"]
    assert [entry.path for entry in source.open().entries()] == ["a.png", "b.png", "c.png", "d.png"]
    assert source.first(2) == []


def test_what_a_store_has_no_longer_is_an_error_in_its_place(tree: Path) -> None:
    with fsspec.open(f"memory://{tree.name}/two/a.png", "wb") as file:
        file.write(b"A")
    inputs = find_source(f"memory://{tree.name}/two").open()
    gone, there = inputs.items([Entry(path="gone.png"), Entry(path="a.png")])
    assert isinstance(gone, ImageError)
    assert there == b"A"


@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, 3 * PART])
def test_a_store_gives_large_files_whole(tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    names = ["large.png", "gone.png", "small.png"]
    with fsspec.open(f"memory://{tmp_path.name}/{names[0]}", "wb") as file:
        file.write(content)
    with fsspec.open(f"memory://{tmp_path.name}/{names[2]}", "wb") as file:
        file.write(b"small")
    items = list(find_source(f"memory://{tmp_path.name}").open().items([Entry(path=name) for name in names]))
    assert items[0] == content
    assert isinstance(items[1], ImageError)
    assert items[2] == b"small"
    assert list(fetch(Folder(f"memory://{tmp_path.name}"), [names[0]], [5], [size])) == [content[5:]]


def test_few_large_files_of_a_store_are_held_at_once(tmp_path: Path) -> None:
    count = 16
    for number in range(count):
        with (tmp_path / f"{number}.png").open("wb") as file:
            file.truncate(MAX_BYTES)
    names = [f"{number}.png" for number in range(count)]
    tracemalloc.start()
    try:
        for data in fetch(Folder(str(tmp_path)), names, [0] * count, [MAX_BYTES + 1] * count):
            assert isinstance(data, bytes)
            assert len(data) == MAX_BYTES
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MAX_BYTES  # four that are fetched together, and parts of all


def test_a_local_url_is_a_path(tree: Path) -> None:
    assert find_source(f"file://{tree}") == find_source(str(tree))


@pytest.fixture
def archived(tmp_path: Path) -> dict[str, bytes]:
    """What the archives below hold, in their order."""
    return {"b/2.png": b"two", "a.jpg": b"one", "../../up.png": b"up", "/etc/abs.bmp": b"abs"}


def _tar(path: Path, content: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def _zip(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("make", [_tar, _zip])
def test_archives_list_in_their_order_and_are_read_in_any(
    tmp_path: Path, archived: dict[str, bytes], make: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    path = make(tmp_path / f"x.{make.__name__[1:]}", archived | {"notes.txt": b"no"})
    before = sorted(tmp_path.rglob("*"))
    inputs = find_source(str(path)).open()
    entries = [Entry.from_value(json.loads(json.dumps(entry.as_value()))) for entry in inputs.entries()]
    assert [entry.path for entry in entries] == list(archived)
    assert list(inputs.items(entries[::-1])) == list(archived.values())[::-1]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("make", [_tar, _zip])
def test_a_member_of_an_archive_is_bounded(
    tmp_path: Path, make: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    path = make(tmp_path / f"x.{make.__name__[1:]}", {"huge.png": bytes(MAX_BYTES + 9), "a.png": b"A"})
    inputs = find_source(str(path)).open()
    huge, small = inputs.items(list(inputs.entries()))
    assert isinstance(huge, ImageError) or len(huge) == MAX_BYTES + 1  # type: ignore[arg-type]
    assert small == b"A"


def test_a_link_in_a_tar_is_an_error_in_its_place(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    inputs = find_source(str(tmp_path / "x.tar")).open()
    (item,) = inputs.items(list(inputs.entries()))
    assert isinstance(item, ImageError)


def test_a_damaged_member_of_a_zip_is_an_error_in_its_place(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", {"a.png": bytes(range(256)) * 40, "b.png": b"B"})
    data = bytearray(path.read_bytes())
    data[60:70] = bytes(10)
    path.write_bytes(data)
    inputs = find_source(str(path)).open()
    broken, whole = inputs.items(list(inputs.entries()))
    assert isinstance(broken, ImageError)
    assert whole == b"B"


class _Unmarked(zipfile.ZipInfo):
    """A member whose name is in an encoding that the zip does not say, as Windows writes it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 (the standard library's)
        return self.filename.encode(self.comment.decode() or "gbk"), self.flag_bits


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_names_in_a_zip_that_does_not_say_their_encoding(tmp_path: Path, encoding: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("图片/验证码.png", "a.png"):
            member = _Unmarked(name)
            member.comment = encoding.encode()
            archive.writestr(member, name.encode())
    inputs = find_source(str(tmp_path / "x.zip")).open()
    entries = list(inputs.entries())
    assert [entry.path for entry in entries] == ["图片/验证码.png", "a.png"]
    assert list(inputs.items(entries)) == ["图片/验证码.png".encode(), b"a.png"]


@pytest.mark.parametrize("name", ["x.tar", "x.zip"])
def test_what_is_no_archive_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(InputError, match="damaged"):
        list(find_source(str(tmp_path / name)).open().entries())


def test_shards_are_read_with_their_texts(tmp_path: Path) -> None:
    plan = Plan(spec=Spec.make(width=60, height=40, lengths=2), shards=2, per_shard=3)
    dataset = Dataset.begin(str(tmp_path / "set"), plan)
    for shard in range(2):
        dataset.write_shard(shard)
    samples = list(dataset.finish())
    inputs = find_source(str(tmp_path / "set"), label="txt").open()
    entries = list(inputs.entries())
    assert [entry.path for entry in entries[:4]] == [
        *(f"shard-000000.tar/00000000{n}.jpg" for n in range(3)),
        "shard-000001.tar/000000003.jpg",
    ]
    assert [entry.label for entry in entries] == [sample.text for sample in samples]
    assert list(inputs.items(entries)) == [sample.image for sample in samples]


def test_a_folder_with_images_beside_a_tar_is_a_folder(tree: Path) -> None:
    _tar(tree / "x.tar", {"a.png": b""})
    assert find_source(str(tree)).kind == "folder"


def test_a_list_names_files_from_the_current_folder(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    (tree / "list.txt").write_bytes(b"sub/c.gif\n\n" + f"{tree}/b.png\r\n".encode() + b"odd\xff.png\n")
    inputs = find_source(str(tree / "list.txt")).open()
    entries = list(inputs.entries())
    assert [entry.path for entry in entries] == ["sub/c.gif", f"{tree}/b.png", "odd\udcff.png"]
    assert list(inputs.items(entries[:2])) == [f"{tree}/sub/c.gif", f"{tree}/b.png"]


@pytest.mark.parametrize(
    ("name", "word"),
    [("x.tar.gz", "unpack"), ("x.txt", "names each"), ("x.doc", r"\.zip"), ("x.png", "single image")],
)
def test_what_cannot_be_read_in_batches_is_named(tmp_path: Path, name: str, word: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=word):
        find_source(str(tmp_path / name), patterns=["*"])


class TestLabels:
    def _labels(self, tree: Path, where: str) -> list[str | None]:
        check_labels(where)
        inputs = find_source(str(tree)).open()
        label = open_labels(where, inputs.entries)
        return [entry.label for entry in with_labels(inputs.entries(), label)]

    def test_in_names(self, tree: Path) -> None:
        (tree / "X7_01.v2.png").write_bytes(b"")
        assert self._labels(tree, "names") == ["10", "X7", "a", "b"]

    @pytest.mark.parametrize("header", ["", "id,text,file_name\n"])
    def test_in_a_table(self, tree: Path, header: str) -> None:
        rows = "1,Ä,b.png\n2,C,gone.png\n" if header else "b.png,Ä\ngone.png,C\n"
        (tree / "l.csv").write_text(header + rows, encoding="utf-8")
        assert self._labels(tree, str(tree / "l.csv")) == [None, None, "Ä"]

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("l.csv", "\ufefffile_name;text\r\n./a.JPG;A\r\nb.png;B\r\n".encode()),
            ("l.txt", "a.JPG\tA\nb.png\tB\n".encode("utf-16")),
            ("l.jsonl", b'{"image": "set\\\\a.JPG", "label": "A"}\n{"image": "set/b.png", "label": "B"}\n'),
            ("l.json", b'{"a.JPG": "A", "elsewhere/b.png": "B"}'),
            ("r.csv", b"path,text,confidence,error\na.JPG,A,0.9,\nb.png,B,0.9,\n10.webp,,,damaged\n"),
        ],
    )
    def test_in_files_of_other_programs(self, tree: Path, name: str, content: bytes) -> None:
        (tree / name).write_bytes(content)
        assert self._labels(tree, str(tree / name)) == [None, "A", "B"]

    def test_a_last_part_of_a_path_that_is_two_images_is_no_label(self, tree: Path) -> None:
        (tree / "l.csv").write_text("file_name,text\nx/a.png,A\ny/a.png,B\nz/b.png,C\n")
        assert self._labels(tree, str(tree / "l.csv")) == [None, None, "C"]

    def test_a_file_that_is_not_understood_is_named(self, tree: Path) -> None:
        (tree / "l.csv").write_text("nothing\n")
        with pytest.raises(LabelError, match=r"l\.csv is not understood: tried were columns"):
            self._labels(tree, str(tree / "l.csv"))

    def test_in_lines_by_the_numbers_in_the_names(self, tmp_path: Path) -> None:
        for name in ("10.png", "2.png"):
            (tmp_path / name).write_bytes(b"")
        (tmp_path / "labels.txt").write_text("two\nten\n")
        assert self._labels(tmp_path, str(tmp_path / "labels.txt")) == ["ten", "two"]

    def test_lines_must_be_as_many_as_the_images(self, tree: Path) -> None:
        (tree / "labels.txt").write_text("one\n")
        with pytest.raises(LabelError, match="1 label for 3 images"):
            self._labels(tree, str(tree / "labels.txt"))

    @pytest.mark.parametrize(
        ("where", "words"),
        [
            ("nowhere.csv", "no such file with labels: nowhere.csv"),
            ("name", "not from name"),
            ("/tmp/x.xlsx", "not from /tmp/x.xlsx"),
        ],
    )
    def test_a_wrong_place_is_named(self, where: str, words: str) -> None:
        with pytest.raises(LabelError, match=words):
            check_labels(where)

    def test_texts_beside_images_are_those_of_shards(self, tree: Path) -> None:
        with pytest.raises(LabelError, match="shards"):
            find_source(str(tree), label="txt")


def test_a_dictionary_on_disk_gives_and_forgets() -> None:
    found = DiskDictionary([("b\udcff", "2"), ("a", "1"), ("a", "3")])
    assert (found.take("b\udcff"), found.take("b\udcff"), found.get("a"), len(found)) == ("2", None, "3", 1)
    assert list(found.texts()) == ["3"]


def test_a_file_is_taken_when_it_has_stopped_growing(tmp_path: Path) -> None:
    arrivals = Arrivals(str(tmp_path), recursive=False, patterns=(), is_read=lambda path: path == "old.png")
    (tmp_path / "old.png").write_bytes(b"")
    (tmp_path / "a.png").write_bytes(b"1")
    assert arrivals.look() == []
    (tmp_path / "a.png").write_bytes(b"12")
    (tmp_path / "b.png").write_bytes(b"1")
    assert arrivals.look() == []
    assert arrivals.look() == ["a.png", "b.png"]
