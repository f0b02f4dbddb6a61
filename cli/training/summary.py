"""What `capq train` prints of a job that has ended."""

from typing import Any

from captcha_core.codecs.figures import percent_text
from captcha_core.errors import counted
from captcha_core.evaluation import Rate
from captcha_core.networks import report_files
from captcha_core.storage import as_path
from workers.ledger.job import Job

from ..options.labels import show_left_out
from ..terminal import duration, interval, say, share


def show(job: Job) -> None:
    """Print what a training job made."""
    summary = job.summary
    seconds = (job.ended or 0) - (job.started or 0)
    say(f"{counted(summary['images'], 'image')} in {duration(seconds)}: {summary['out']}")
    if "left_out" in summary:
        show_left_out(summary["left_out"])
    if summary.get("accuracy") is not None:
        say(f"{percent_text(summary['accuracy'])} of the held-out images read without a fault")
    if "trial" in summary:
        _show_trial(summary["trial"])
    if "rounds" in summary:
        _show_rounds(summary)
    if "suspects" in summary:
        _show_suspects(summary["suspects"])
    elif "digest" in summary and summary["accuracy"] is None and job.request["source"]["kind"] == "dataset":
        say("suspicious labels were not looked for: no label was kept from a training")
    if "digest" in summary:
        if report_files.CARD in summary.get("report", ()):
            say(f"its model card: {as_path(summary['out']) / report_files.CARD}")
        say(f"use it: capq solve-dir ./images --checkpoint {summary['out']}")


def _show_trial(trial: dict[str, Any]) -> None:
    """Print what the trial before the run came to."""
    starts, chosen = trial["starts"], trial["starts"][trial["chosen"]]
    losses = ", ".join(f"{start['initial'] or 'random weights'} {start['loss']:.3f}" for start in starts)
    say(f"started from {chosen['initial'] or 'random weights'} (loss in the trial: {losses})")
    if trial["folds"] > 1:
        rate = Rate(chosen["right"], chosen["count"]).summary()
        say(
            f"{share(rate)} ({interval(rate)}) of the {counted(rate['count'], 'image')} read without a fault "
            f"by networks that had not seen them, after {counted(trial['images'], 'image')} each"
        )


def _show_rounds(summary: dict[str, Any]) -> None:
    """Print how the rounds of self-training went, and what of the unlabelled images was kept."""
    for judged in summary["rounds"]:
        kept = f"and {counted(judged['kept'], 'unlabelled image')}" if judged["round"] else "alone"
        say(
            f"round {judged['round']}, on labels {kept}: {judged['wrong']:,} of "
            f"{counted(judged['held_out'], 'held-out image')} read with a fault, loss {judged['loss']:.3f}"
        )
    images = summary["unlabelled"]
    say(
        f"the best was round {summary['best_round']}; so many rounds with all labels came after it, the last "
        f"of them on {counted(images['kept'], 'unlabelled image')} of {images['images']:,} as well"
    )
    dropped = {"left_out": "drawn by lot to be left out", "unreadable": "unreadable"}
    dropped |= {"duplicates": "the same as another or as a labelled one"}
    for name, reason in dropped.items():
        if images[name]:
            say(f"{counted(images[name], 'unlabelled image')} not used: {reason}")
    if images["table"]:
        say(f"what was read and kept: {images['table']}")


def _show_suspects(suspects: dict[str, Any]) -> None:
    """Print how many labels are suspicious, and the first of them."""
    say(
        f"{suspects['count']:,} of {counted(suspects['looked_at'], 'label')} that a network could judge "
        f"{'is' if suspects['count'] == 1 else 'are'} suspicious"
    )
    for suspect in suspects["first"]:
        say(
            f"  {suspect['path']}: label {suspect['label']}, read {suspect['text']} "
            f"({suspect['confidence']:.2f}, {suspect['reason']})"
        )
    if suspects["table"]:
        say(f"all of them: {suspects['table']}")
