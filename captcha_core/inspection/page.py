"""The page of an inspection: which pictures stand on it, and what below them."""

from ..datasets import Dataset, LabelledFolder, lookup
from ..reports.document import thumbnail
from ..reports.inspection import Caption, inspection_page
from .duplicates import Group
from .findings import findings
from .inspection import SHOWN, Inspection
from .texts import describe_texts

_EXAMPLES = 24
_GROUP = 6  # images of a group that are shown


def page(inspection: Inspection, images: Dataset | LabelledFolder) -> str:
    """Return the page as one HTML document.

    Raises
    ------
    ChangedDatasetError
        When an image that is to be shown is no longer there.
    """
    galleries = _galleries(inspection)
    names = {name for groups in galleries.values() for group in groups for name, _ in group}
    encoded = lookup.read_images(images, names)
    pictures = {name: picture for name, data in encoded.items() if (picture := thumbnail(data))}
    summary = inspection.summary()
    texts = summary["texts"]
    counts = {
        "Characters": texts["characters"],
        "Lengths": texts["lengths"],
        "Sizes": {f"{size['width']}×{size['height']}": size["images"] for size in summary["sizes"]},
        "Formats": summary["formats"],
    }
    facts = {
        "images": f"{inspection.images:,}",
        "labels": inspection.labelling.get("rule", "of a generated dataset"),
        "characters": texts["charset"],
        "modes": ", ".join(f"{mode} {count:,}" for mode, count in summary["modes"].items()),
    }
    facts |= {
        f"left out: {reason}": f"{names['count']:,} ({', '.join(names['first'])})"
        for reason, names in inspection.labelling.get("left_out", {}).items()
    }
    facts |= {f"cannot be read: {name}": fault for name, fault in summary["unreadable"]["first"].items()}
    return inspection_page(inspection.url, facts, findings(inspection), counts, galleries, pictures)


def _galleries(inspection: Inspection) -> dict[str, list[list[Caption]]]:
    texts = dict(zip(inspection.names, inspection.texts, strict=True))
    once = describe_texts(list(texts.items()))["seen_once"][:SHOWN]
    suspicions = inspection.suspicions.first if inspection.suspicions else []
    step = max(1, len(inspection.names) // _EXAMPLES)
    return {
        "The network reads otherwise": [
            [(doubt.name, f"{doubt.label} → {doubt.text} {doubt.confidence:.3f}")] for doubt in suspicions
        ],
        "Identical images": _groups(inspection.identical),
        "Nearly identical images": _groups(inspection.near or []),
        "Characters in one label only": [
            [(item["image"], f"{texts[item['image']]}: {item['character']}")] for item in once
        ],
        "Wrong extensions": [
            [(name, f"{file_format}: {texts[name]}")] for name, file_format in inspection.wrong_extensions[:6]
        ],
        "Examples": [[(name, texts[name])] for name in inspection.names[::step][:_EXAMPLES]],
    }


def _groups(groups: list[Group]) -> list[list[Caption]]:
    return [list(zip(*group, strict=True))[:_GROUP] for group in groups[:SHOWN]]
