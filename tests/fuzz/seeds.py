"""Whole inputs, from which mutations begin."""

import functools
import io
import json
import tarfile
import tempfile
import zipfile
from pathlib import Path

from PIL import Image

from captcha_core.datasets import Dataset, Plan
from captcha_core.spec import Spec

SIZE = (40, 20)


@functools.cache
def images() -> list[bytes]:
    """One image of each format and mode that capq reads."""
    modes = {
        "PNG": ("RGB", "L", "RGBA", "LA", "P", "1", "I;16"),
        "JPEG": ("RGB", "L", "CMYK"),
        "WEBP": ("RGB", "RGBA"),
        "GIF": ("P", "L"),
        "BMP": ("RGB", "L", "P", "1"),
    }
    return [_encoded(form, mode) for form, names in modes.items() for mode in names] + [_animation()]


def _encoded(form: str, mode: str) -> bytes:
    gradient = Image.linear_gradient("L").resize(SIZE)
    image = Image.new("I;16", SIZE, 40_000) if mode == "I;16" else gradient.convert("RGB").convert(mode)
    output = io.BytesIO()
    image.save(output, form, **({"progressive": True} if mode == "CMYK" else {}))
    return output.getvalue()


def _animation() -> bytes:
    output = io.BytesIO()
    frames = [Image.new("P", SIZE, colour) for colour in range(3)]
    frames[0].save(output, "GIF", save_all=True, append_images=frames[1:], transparency=0)
    return output.getvalue()


@functools.cache
def tars() -> list[bytes]:
    """Tar files of images, with texts beside them, links, long names and sparse files."""
    return [_tar(form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)] + [
        _shard()
    ]


def _tar(form: int) -> bytes:
    output = io.BytesIO()
    long_name = "d/" * 20 + "n" * 90 + ".png"
    with tarfile.open(fileobj=output, mode="w", format=form) as archive:
        for name, data in (
            ("a.png", images()[0]),
            ("a.txt", b"AB"),
            (long_name, images()[1]),
            ("b.jpg", b""),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("c.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return output.getvalue()


@functools.cache
def _shard() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        dataset(Path(folder))
        return (Path(folder) / "shard-000000.tar").read_bytes()


def dataset(folder: Path) -> None:
    """Write a small dataset."""
    spec = Spec.make(width=40, height=20, lengths=1, look={"font_sizes": [12]})
    unfinished = Dataset.begin(str(folder), Plan(spec=spec, shards=1, per_shard=2))
    unfinished.write_shard(0, engine="pillow")
    unfinished.finish()


@functools.cache
def zips() -> list[bytes]:
    """Zip files, stored and with each compression."""
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return [_zip(method) for method in methods]


def _zip(method: int) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", method) as archive:
        for name, data in (
            ("a.png", images()[0]),
            ("d/b.jpg", images()[8]),
            ("é.gif", b""),
            ("n.txt", b"AB"),
        ):
            archive.writestr(name, data)
    return output.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


_LABEL_STUDIO = [
    {"id": 1, "data": {"image": "/data/a.png"}, "annotations": [{"result": [{"value": {"text": ["AB"]}}]}]},
    {
        "id": 2,
        "data": {"image": "/data/b.png"},
        "annotations": [{"result": [{"value": {"choices": ["CD"]}}]}],
    },
]
_COCO = {
    "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
    "annotations": [{"image_id": 1, "caption": "AB"}, {"image_id": 2, "utf8_string": "CD"}],
}
_VIA = {
    "_via_img_metadata": {
        "a.png1": {
            "filename": "a.png",
            "regions": [{"region_attributes": {"text": "AB"}}],
            "file_attributes": {},
        },
        "b.png1": {"filename": "b.png", "regions": {"0": {"region_attributes": {"text": "CD"}}}},
    }
}
_MMOCR = {
    "data_list": [
        {"img_path": "a.png", "instances": [{"text": "AB"}]},
        {"img_path": "b.png", "instances": []},
    ]
}
_CVAT = (
    b'<annotations><image id="0" name="a.png"><tag label="t"><attribute name="text">AB</attribute></tag>'
    b'</image><image id="1" name="b.png"><box label="t"><attribute name="text">CD</attribute></box></image>'
    b"</annotations>"
)

LABEL_FILES: dict[str, tuple[bytes, ...]] = {
    "labels.csv": (
        b"file_name,text\na.png,AB\nb.png,CD\n",
        b'filename;words\r\n"a.png";"A;B"\r\nb.png;CD\r\n',
        b"path,text,confidence,error,rejected\na.png,AB,0.9,,false\nb.png,,,no,true\n",
        "file_name,text\na.png,é中\nb.png,CD\n".encode("utf-16"),
        "file_name,text\na.png,中文\nb.png,CD\n".encode("gb2312"),
        b"a.png|AB\nb.png|CD\n",
    ),
    "labels.tsv": (b'a.png\tA"B\nb.png\tCD\n', b"image\tlabel\tsplit\na.png\tAB\ttrain\nb.png\tCD\ttest\n"),
    "gt.txt": (b'a.png, "AB"\nb.png, "CD"\n', b"a.png AB\nb.png CD\n"),
    "labels.txt": (b"AB\nCD\n",),
    "a.txt": (b"AB\n", "AB".encode("utf-16")),
    "labels.json": tuple(
        map(
            _json,
            (
                {"a.png": "AB", "b.png": "CD"},
                _LABEL_STUDIO,
                _COCO,
                _VIA,
                _MMOCR,
                {"a.png": {"text": "AB"}},
                [{"file_name": "a.png", "text": "AB"}, {"file_name": "b.png", "text": 7}],
            ),
        )
    ),
    "metadata.jsonl": (b'{"file_name": "a.png", "text": "AB"}\n{"file_name": "b.png", "text": "CD"}\n',),
    "annotations.xml": (_CVAT,),
}


def specs() -> list[bytes]:
    """Specs as files: the presets, and one with every field."""
    from captcha_core.spec import presets

    return [preset.model_dump_json().encode() for preset in presets().values()] + [b'{"lengths": "4-6"}']


@functools.cache
def dataset_files() -> dict[str, bytes]:
    """A small dataset's own files."""
    with tempfile.TemporaryDirectory() as folder:
        dataset(Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}
