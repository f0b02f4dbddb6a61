import io
import json
import os

import fsspec
import pytest
from PIL import Image

from captcha_core.errors import ForeignOutputError, OutputExistsError
from captcha_core.storage import MarkedFile
from captcha_core.storage.marked import read_mark


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    return buffer.getvalue()


CONTENTS = {
    "a.png": png(),
    "a.svg": b"<svg xmlns='http://www.w3.org/2000/svg'></svg>\n",
    "a.html": "<!DOCTYPE html><p>Größe</p>\n".encode(),
    "a.json": json.dumps({"images": 3}, indent=1).encode(),
}
every_format = pytest.mark.parametrize("name", CONTENTS)


def marked(path, **changes) -> MarkedFile:
    return MarkedFile(**{"path": str(path), "kind": "preview", "subject": "digits"} | changes)


@every_format
def test_a_file_is_known_again_and_still_of_its_format(tmp_path, name):
    path = tmp_path / "deep" / name
    marked(path).write(CONTENTS[name])
    assert read_mark(path.read_bytes()).kind == "preview"
    if name == "a.png":
        with Image.open(path) as image:
            image.load()
            assert image.getpixel((0, 0)) == (255, 0, 0)
            assert image.text["Software"].startswith("capq preview ")
    elif name == "a.json":
        assert json.loads(path.read_bytes())["images"] == 3
    else:
        assert path.read_bytes().startswith(CONTENTS[name])
    marked(path).write(CONTENTS[name])
    marked(path, overwrite=True, subject="letters").write(CONTENTS[name])


@every_format
def test_a_file_of_something_else_is_replaced_only_when_asked_to(tmp_path, name):
    path = tmp_path / name
    marked(path).write(CONTENTS[name])
    before = path.read_bytes()
    with pytest.raises(OutputExistsError, match=name):
        marked(path, subject="letters").write(CONTENTS[name])
    with pytest.raises(ForeignOutputError, match=name):
        marked(path, kind="curves", overwrite=True).write(CONTENTS[name])
    assert path.read_bytes() == before


@every_format
@pytest.mark.parametrize("change", ["none of capq's", "changed before the mark", "changed behind it", "cut"])
def test_what_capq_did_not_write_stays(tmp_path, name, change):
    path = tmp_path / name
    marked(path).write(CONTENTS[name])
    written = path.read_bytes()
    path.write_bytes(
        {
            "none of capq's": CONTENTS[name],
            "changed before the mark": written[:5] + bytes([written[5] ^ 1]) + written[6:],
            "changed behind it": written + b"\n",
            "cut": written[:-1],
        }[change]
    )
    before = path.read_bytes()
    with pytest.raises(ForeignOutputError, match=name):
        marked(path, overwrite=True).write(CONTENTS[name])
    assert path.read_bytes() == before


def test_links_folders_and_pipes_stay(tmp_path):
    (tmp_path / "mine.png").write_bytes(b"mine")
    (tmp_path / "link.png").symlink_to("mine.png")
    (tmp_path / "nowhere.png").symlink_to("gone.png")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for path in tmp_path.iterdir():
        with pytest.raises(ForeignOutputError, match=path.name):
            marked(path, overwrite=True).write(png())
    with pytest.raises(ForeignOutputError, match=r"mine\.png is a file"):
        marked(tmp_path / "mine.png" / "below" / "a.png").check()
    assert (tmp_path / "mine.png").read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 5


def test_an_empty_file_is_nothing_to_lose(tmp_path):
    (tmp_path / "a.png").touch()
    marked(tmp_path / "a.png").write(png())
    assert read_mark((tmp_path / "a.png").read_bytes())


def test_a_file_in_a_store_is_guarded_too():
    url = "memory://marked/a.html"
    marked(url).write(CONTENTS["a.html"])
    with pytest.raises(OutputExistsError):
        marked(url, subject="letters").check()
    with fsspec.open(url, "wb") as file:
        file.write(b"mine")
    with pytest.raises(ForeignOutputError):
        marked(url, overwrite=True).check()


def test_removing_takes_only_what_may_be_replaced(tmp_path):
    marked(tmp_path / "a.png").write(png())
    marked(tmp_path / "a.png").remove()
    marked(tmp_path / "a.png").remove()
    (tmp_path / "a.png").write_bytes(b"mine")
    with pytest.raises(ForeignOutputError):
        marked(tmp_path / "a.png").remove()
    assert (tmp_path / "a.png").read_bytes() == b"mine"
