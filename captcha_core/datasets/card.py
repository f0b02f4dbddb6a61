"""The dataset card: ``README.md``, with the header by which Hugging Face's `datasets` loads the files.

Its last line holds a digest of the others, by which a card of capq's is told from somebody's own
README.md, or from a card that somebody has changed.
"""

import hashlib
import re
from typing import TYPE_CHECKING

from ..errors import counted

if TYPE_CHECKING:
    from .dataset import Dataset

NAME = "README.md"
_SIGNATURE = re.compile(rb"<!-- capq ([0-9a-f]{64}) -->\n")
_SIGNATURE_LENGTH = len("<!-- capq  -->\n") + 64
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MORE = "n>1M"


def dataset_card(dataset: "Dataset") -> bytes:
    """Return the card of a finished dataset, as Markdown."""
    text = "\n".join([_header(dataset), _table(dataset), _use(dataset)]).encode()
    return text + f"<!-- capq {hashlib.sha256(text).hexdigest()} -->\n".encode()


def is_card(content: bytes) -> bool:
    """Tell whether a README.md is a card as capq wrote it."""
    text, line = content[:-_SIGNATURE_LENGTH], content[-_SIGNATURE_LENGTH:]
    signature = _SIGNATURE.fullmatch(line)
    return signature is not None and signature[1].decode() == hashlib.sha256(text).hexdigest()


def _header(dataset: "Dataset") -> str:
    images = dataset.index.images
    size = next((name for most, name in _SIZES if images < most), _MORE)
    patterns = _patterns(dataset)
    files = "\n".join(f'    - "{pattern}"' for pattern in patterns)
    return f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path:
{files}
task_categories:
- image-to-text
size_categories:
- {size}
tags:
- captcha
- ocr
- synthetic
---
"""


def _patterns(dataset: "Dataset") -> list[str]:
    if dataset.plan.layout == "webdataset":
        return ["shard-*.tar"]
    return [f"*.{dataset.plan.spec.extension}", "metadata.csv"]


def _table(dataset: "Dataset") -> str:
    plan, spec = dataset.plan, dataset.plan.spec
    low, high = spec.lengths
    length = str(low) if low == high else f"{low} to {high}"
    characters = spec.charset.replace("|", "\\|")
    rows = {
        "images": f"{dataset.index.images:,}, {dataset.index.bytes / 1e6:,.1f} MB",
        "shards": f"{counted(plan.shards, 'shard')} of {counted(plan.per_shard, 'image')}",
        "an image": f"{spec.width}×{spec.height} pixels, {spec.image_format}",
        "its text": f"{length} characters of `` {characters} ``",
        "made by": f"capq, spec `{spec.digest}`, seed {plan.seed}",
        "sha256": f"`{dataset.sha256}`",
    }
    lines = [f"| {name} | {text} |" for name, text in rows.items()]
    return "\n".join(["# Labelled text CAPTCHAs\n", "| | |", "| --- | --- |", *lines]) + "\n"


def _use(dataset: "Dataset") -> str:
    plan = dataset.plan
    columns = f"`{plan.spec.extension}` and `txt`" if plan.layout == "webdataset" else "`image` and `text`"
    return f"""The images are rendered; nobody's site or data is in them. The same spec and seed give the
same bytes on every machine; `dataset.json` holds both, and a digest of each shard.

```python
from datasets import load_dataset

samples = load_dataset("path/of/this/folder", split="train")  # with {columns}
```

With capq: `capq train path/of/this/folder`, `capq verify path/of/this/folder --render`.
"""
