"""The model card of a trained network, with the header that Hugging Face's hub reads."""

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import counted
from ..evaluation import Evaluation, Rate
from ..networks.checkpoint import Model

_CAPTIONS = {
    "curves.png": "How it was trained",
    "confusions.png": "Which characters it confuses",
    "confidence.png": "What its confidence is worth",
    "mistakes.png": "Its most confident mistakes",
}
_COMMONEST = 10

_HEADER = """---
library_name: capq
pipeline_tag: image-to-text
tags:
- captcha
- ocr
---
"""
_USE = """## Use

```python
from captcha_core import Solver

print(Solver.load("path/of/this/folder").solve(["captcha.png"])[0].text)
```

On the command line: `capq solve-dir ./images --checkpoint path/of/this/folder`.

## Intended use

For measuring how readable a CAPTCHA of one's own is, and for reading images that one owns or has made. It
knows the look, the characters and the lengths that it was trained on, and nothing of others: measure it on
images of your own before you rely on it (`capq evaluate ./labelled --checkpoint path/of/this/folder`).
"""


def model_card(model: Model, evaluation: Evaluation, pictures: Sequence[str]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    evaluation
        On images that were held out of the training; of no images where none were.
    pictures
        Names of the picture files beside the card.
    """
    parts = [
        _HEADER,
        f"# A {model.architecture} network of {counted(len(model.problem.charset), 'character')}\n",
        _table([*_described(model), *_measured(model, evaluation)]),
        *(
            f"## {_CAPTIONS[name]}\n\n![{_CAPTIONS[name]}]({name})\n"
            for name in _CAPTIONS
            if name in pictures
        ),
        _USE,
    ]
    return "\n".join(parts)


def _described(model: Model) -> Iterator[tuple[str, str]]:
    problem, training = model.problem, model.training
    low, high = problem.lengths
    length = counted(low, "character") if low == high else f"{low} to {high} characters"
    yield "reads", f"{length} of {_code(problem.charset)}"
    width, height = problem.size
    others = "; images of other sizes are fitted to it" if model.trained_on_resized else ""
    yield "input", f"{width}×{height} pixels, {'grey' if problem.grey else 'colour'}{others}"
    if training.get("command"):
        yield "made by", _code(training["command"])
    yield (
        "trained on",
        f"{counted(training['images'], 'image')} in {training['seconds']:,.0f} s; {_source(training)}",
    )
    yield "weights", f"{model.weights_bytes / 1e6:.1f} MB, digest `{model.digest}`"


def _source(training: dict[str, Any]) -> str:
    source = training["source"]
    if source.get("kind") == "rendered":
        return f"fresh images, seed {source['seed']}"
    return f"{_code(source.get('name') or 'labelled images')}, with {counted(source['images'], 'image')}"


def _measured(model: Model, evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    if not evaluation.images:
        yield "measured on", "no images: none were held out of the training" + _cross_validated(model)
        return
    selected = ", which also chose among its weights" if "best_step" in model.training else ""
    yield "measured on", f"{counted(evaluation.images, 'image')} held out of the training{selected}"
    yield "whole images", _rate(evaluation.accuracy)
    yield "characters", _rate(evaluation.character_accuracy)
    confused = evaluation.confusions(_COMMONEST)
    if confused:
        pairs = (f"{true or '∅'}→{read or '∅'} {count}" for true, read, count in confused)
        yield "commonest faults (true→read)", _code("  ".join(pairs))
    error = evaluation.calibration_error()
    if error is not None:
        yield "calibration error", f"{error:.2%} between confidence and accuracy"


def _cross_validated(model: Model) -> str:
    """Return what the trial's cross-validation came to, if there was one."""
    trial = model.training.get("trial")
    if not trial or trial["folds"] < 2:
        return ""
    start = trial["starts"][trial["chosen"]]
    return f". By cross-validation, short trainings read {_rate(Rate(start['right'], start['count']))}"


def _rate(rate: Rate) -> str:
    """Return a share of something, with its 95 % interval."""
    low, high = rate.interval
    return f"{rate.value or 0.0:.2%} right (95 % interval {low:.2%} to {high:.2%})"


def _table(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {text} |" for name, text in rows)]) + "\n"


def _code(text: str) -> str:
    """Return a text as code in a table's cell, whatever characters it has."""
    fence = "``" if "`" in text else "`"
    padding = " " if "`" in text else ""
    return f"{fence}{padding}{text}{padding}{fence}".replace("|", "\\|").replace("\n", " ")
