"""What an inspection found, in words: what is to be mended, or known, before training."""

from collections.abc import Iterator
from typing import Any

from ..errors import counted
from .drawn_case import contradiction
from .inspection import Inspection

_SHOWN = 3


def findings(inspection: Inspection) -> list[str]:
    """Return a sentence for each thing that was found; nothing where all is well."""
    summary = inspection.summary()
    return [*_of_files(summary), *_of_copies(summary), *_of_texts(summary), *_of_answers(summary)]


def _of_files(summary: dict[str, Any]) -> Iterator[str]:
    if summary["unreadable"]["count"]:
        names = ", ".join(list(summary["unreadable"]["first"])[:_SHOWN])
        yield f"{counted(summary['unreadable']['count'], 'image')} cannot be read: {names}"
    if (wrong := summary["wrong_extensions"])["count"]:
        name, file_format = wrong["first"][0]
        yield (
            f"{counted(wrong['count'], 'image')} of {summary['looked_at']:,} with another format than "
            f"the extension says: {name} is {file_format}"
        )
    if summary["animated"]:
        yield f"{counted(summary['animated'], 'animated image')}: the first frame is read"
    if summary["transparent"]:
        yield f"{counted(summary['transparent'], 'image')} with transparent pixels: they are laid over white"
    if (plain := summary["plain"])["count"]:
        names = ", ".join(plain["first"][:_SHOWN])
        yield f"{counted(plain['count'], 'image')} on which there is nothing to see: {names}"
    if summary["different_sizes"] > 1:
        common = summary["sizes"][0]
        yield (
            f"{counted(summary['different_sizes'], 'size')} of images, the commonest "
            f"{common['width']}×{common['height']} ({common['images']:,})"
        )


def _of_copies(summary: dict[str, Any]) -> Iterator[str]:
    for name, words in (("identical", "identical"), ("near", "nearly identical")):
        copies = summary[name]
        if copies and copies["groups"]:
            pairs = ", ".join(f"{path} = {text}" for path, text in copies["first"][0][:_SHOWN])
            different = copies["different_labels"]
            contradicting = f", of which {different:,} with different labels" if different else ""
            yield f"{counted(copies['groups'], 'group')} of {words} images{contradicting}: {pairs}"
    if across := summary["identical"]["across_parts"]:
        yield f"{counted(across, 'image')} in training and test images alike: figures will be too good"
    if summary["near"] is None:
        yield "nearly identical images were not looked for among so many"


def _of_texts(summary: dict[str, Any]) -> Iterator[str]:
    texts = summary["texts"]
    if case := contradiction(summary["drawn_case"]):
        yield f"{case}: give --ignore-case to evaluate and solve, or correct the labels"
    if texts["seen_once"]:
        once = texts["seen_once"]
        characters = " ".join(item["character"] for item in once[:10])
        yield f"{counted(len(once), 'character')} in one label only: {characters} ({once[0]['image']})"
    if texts["foreign"]:
        yield f"letters of other scripts beside Latin ones: {', '.join(texts['foreign'][:_SHOWN])}"
    if texts["zeros_lost"]:
        yield "no label begins with 0, and some are shorter than the others: a spreadsheet drops such zeros"


def _of_answers(summary: dict[str, Any]) -> Iterator[str]:
    suspicious = summary["suspicious"]
    if not suspicious:
        return
    yield f"the network reads {suspicious['right']:,} of {suspicious['read']:,} labels as they are"
    if suspicious["case_alone"]:
        yield f"{counted(suspicious['case_alone'], 'label')} it reads in another case"
    if suspicious["count"]:
        first = suspicious["first"][0]
        yield (
            f"{counted(suspicious['count'], 'label')} it reads otherwise with a confidence of 0.9 or more: "
            f"{first['name']} = {first['label']}, read as {first['text']}"
        )
