"""Labels in JSON: lines, lists and objects of records, and what annotation tools export."""

import json
from collections.abc import Iterator
from typing import Any

from ..errors import LabelFileError
from ..storage import Folder
from .columns import named_columns, normalised_header
from .encodings import encoding_of, lines, open_text
from .matching import has_image_extension, normalised
from .rows import LabelFile, LabelRow

_LISTS = ("images", "data", "annotations", "labels", "items", "samples", "data_list", "records")
_SAMPLE = 20
_PAIR = 2


def read_json_lines(folder: Folder, name: str) -> LabelFile | None:
    """Understand a file with a JSON record a line; None when its first records name no image and text."""
    encoding = encoding_of(folder, name)

    def records() -> Iterator[tuple[int, Any]]:
        with open_text(folder, name, encoding) as text:
            for number, line in enumerate(lines(text), start=1):
                if line.strip():
                    yield number, _parsed(line, f"{name}, line {number}")

    return _of_records(name, records)


def read_json(folder: Folder, name: str) -> LabelFile | None:
    """Understand a JSON file; None when it is none of the shapes that are known."""
    with open_text(folder, name, encoding_of(folder, name)) as text:
        value = _parsed(text.read(), name)
    mapping = _mapping(value)
    if mapping is not None:
        rows = [LabelRow(number, *pair) for number, pair in enumerate(mapping, start=1)]
        return LabelFile(name, "labels by file name", lambda: iter(rows))
    if isinstance(value, dict):
        joined = _coco(value)
        if joined is not None:
            return LabelFile(name, "COCO captions", lambda: iter(joined))
        value = _via(value) or next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)
    if not isinstance(value, list):
        return None
    return _of_records(name, lambda: enumerate(value, start=1))


def _of_records(name: str, records: Any) -> LabelFile | None:
    sample = [pair for _, pair in zip(range(_SAMPLE), (_pair(record, name) for _, record in records()))]  # noqa: B905
    first = next((pair for pair in sample if pair), None)
    if first is None:
        return None

    def rows() -> Iterator[LabelRow]:
        for number, record in records():
            pair = _pair(record, name)
            if pair is None:
                raise LabelFileError(f"{name}, record {number}: needs a file name and a text")
            yield LabelRow(number, pair[0], pair[1])

    return LabelFile(name, first[2], rows)


def _pair(record: Any, name: str) -> tuple[str, str, str] | None:
    """Return a record's image, its text, and how they were found; None when it has none."""
    if isinstance(record, list) and len(record) == _PAIR and all(isinstance(item, str) for item in record):
        return (record[0], record[1].strip(), "lists of a name and a label")
    if not isinstance(record, dict):
        return None
    for read in (_label_studio, _via_image, _instances):
        if pair := read(record):
            return pair
    fields = {key: value for key, value in record.items() if isinstance(value, str | int)}
    keys = list(fields)
    columns = named_columns(normalised_header(keys), name)
    if columns is None:
        return None
    image, text = keys[columns.image], keys[columns.text]
    return str(fields[image]), str(fields[text]).strip(), f"fields {image} and {text}"


def _label_studio(task: dict[str, Any]) -> tuple[str, str, str] | None:
    """Return the pair of a task as Label Studio exports it: without an annotation, an empty text."""
    data, annotations = task.get("data"), task.get("annotations", task.get("completions"))
    if not isinstance(data, dict) or not isinstance(annotations, list):
        return None
    addresses = (value for value in data.values() if isinstance(value, str))
    image = next((value for value in addresses if has_image_extension(normalised(value))), None)
    if image is None:
        return None
    results = [
        result for annotation in _objects(annotations)[:1] for result in _objects(annotation.get("result"))
    ]
    texts = [text for result in results for text in _texts(result.get("value"))]
    return image, (texts[0] if len(texts) == 1 else " ".join(texts)).strip(), "Label Studio's tasks"


def _texts(value: Any) -> list[str]:
    text: Any = value.get("text", value.get("choices", ())) if isinstance(value, dict) else ()
    if isinstance(text, list):
        return [str(part) for part in text]
    return [text] if isinstance(text, str) else []


def _via(value: dict[str, Any]) -> list[Any] | None:
    """Return the images of VGG Image Annotator's project or export."""
    images = value.get("_via_img_metadata", value)
    if isinstance(images, dict) and images:
        records = list(images.values())
        if all(
            isinstance(record, dict) and "filename" in record and "regions" in record for record in records
        ):
            return records
    return None


def _via_image(image: dict[str, Any]) -> tuple[str, str, str] | None:
    if "filename" not in image or "regions" not in image:
        return None
    regions = image["regions"]
    regions = _objects(list(regions.values()) if isinstance(regions, dict) else regions)
    attributes = [image.get("file_attributes"), *(region.get("region_attributes") for region in regions)]
    texts = [text for fields in _objects(attributes) for text in fields.values() if isinstance(text, str)]
    texts = [text.strip() for text in texts if text.strip()]
    return str(image["filename"]), " ".join(dict.fromkeys(texts)), "VGG Image Annotator's attributes"


def _instances(image: dict[str, Any]) -> tuple[str, str, str] | None:
    """Return the pair of an image as MMOCR lists it."""
    instances = image.get("instances")
    if "img_path" not in image or not isinstance(instances, list):
        return None
    texts = [str(instance.get("text", "")) for instance in instances if isinstance(instance, dict)]
    return str(image["img_path"]), " ".join(texts).strip(), "MMOCR's instances"


def _coco(value: dict[str, Any]) -> list[LabelRow] | None:
    """Return the labels of COCO's captions, which name images by number."""
    images, annotations = value.get("images"), value.get("annotations")
    if not isinstance(images, list) or not isinstance(annotations, list):
        return None
    names = {
        _number(image.get("id")): str(image["file_name"])
        for image in _objects(images)
        if "file_name" in image
    }
    rows = []
    for number, annotation in enumerate(annotations, start=1):
        if not isinstance(annotation, dict):
            return None
        text = annotation.get("caption", annotation.get("utf8_string", annotation.get("text")))
        image_name = names.get(_number(annotation.get("image_id")))
        if text is None or image_name is None:
            return None
        rows.append(LabelRow(number, image_name, str(text).strip()))
    return rows


def _objects(value: Any) -> list[dict[str, Any]]:
    """Return the JSON objects in a list; none where it is no list."""
    return [member for member in value if isinstance(member, dict)] if isinstance(value, list) else []


def _number(value: Any) -> str:
    """Return what names an image in COCO, which is a number or a text, as a key."""
    return json.dumps(value)


def _mapping(value: Any) -> list[tuple[str, str]] | None:
    """Return the pairs of an object whose keys name images."""
    if not isinstance(value, dict) or not value or "_via_img_metadata" in value:
        return None
    if all(isinstance(text, str | int) and not isinstance(text, bool) for text in value.values()):
        return [(key, str(text).strip()) for key, text in value.items()]
    if all(has_image_extension(key) and isinstance(fields, dict) for key, fields in value.items()):
        pairs = [(_pair({"file_name": key} | fields, key)) for key, fields in value.items()]
        return [(pair[0], pair[1]) for pair in pairs if pair] if all(pairs) else None
    return None


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LabelFileError(f"{where}: no JSON: {error}") from None
