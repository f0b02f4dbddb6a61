"""The working folder of a training, ``<out>.run``, which belongs to the run that began or resumed it.

It holds ``plan.json`` (the request and the run's token), the results of the trial, the saved states,
the decoded images and the finished checkpoint. A run that replaces the folder or resumes from it has
another token; a late message of the former run then writes nothing and removes nothing.
A folder from before there were tokens has the token "". It lies on this machine or in a store.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ForeignOutputError, StorageError, TrainingError, UnfinishedRunError
from ..storage import AnyPath, check_reachable, new_folder, remove_tree, stands, stored_path, whole
from . import state

PLAN = "plan.json"
CHECKPOINT, DECODED = "checkpoint", "decoded"
_TOKEN = "token"  # noqa: S105 (a field's name)
_ROUND = re.compile(r"round-(all-)?(\d+)")
_OURS = re.compile(
    rf"{PLAN}|{CHECKPOINT}|{DECODED}|{state.NAME.pattern}|trial-\d+-\d+|suspects-(folds|held-out)"
    rf"|{_ROUND.pattern}|unlabelled-(listing|\d+)"
)


class NotOwnerError(TrainingError):
    """The working folder is gone or belongs to another run by now."""


@dataclass(frozen=True)
class RunFolder:
    """A training's working folder, as the run with a token sees it.

    Attributes
    ----------
    path
        Where it lies; shared by the machines that train the run.
    token
        Of the run; None where nobody else can come to the folder, which then needs no plan.json.
    owner
        The run's folder whose plan.json has the token, where `path` is a round's in it.
    check_lease
        Called before anything is written; raises where another process does this one's work by now.
    """

    path: AnyPath
    token: str | None = None
    owner: AnyPath | None = None
    check_lease: Callable[[], None] = field(default=lambda: None, compare=False)

    def round(self, name: int | str) -> "RunFolder":
        """Return the folder of a round of self-training.

        Raises
        ------
        NotOwnerError
            When this folder is another run's, in which nothing is written then.
        StorageError
            When it cannot be made.
        """
        self.check()
        path = self.path / f"round-{name}"
        try:
            path.mkdir(exist_ok=True, parents=self.token is None)
        except OSError as error:
            raise StorageError(f"{path} cannot be made: {error.strerror or error}") from error
        return RunFolder(path, self.token, self.path, self.check_lease)

    def begin(self, request: Mapping[str, Any]) -> None:
        """Make the folder, with `request` and the token in it; a run without a state gives way.

        Raises
        ------
        UnfinishedRunError
            When the folder holds a run that has saved a state.
        ForeignOutputError
            When it holds anything that no run puts there.
        StorageError
            When it cannot be written.
        """
        with new_folder(self.path, PLAN, check=check_free) as aside:
            (aside / PLAN).write_text(self._record(request), encoding="utf-8")

    def take_over(self, request: Mapping[str, Any]) -> None:
        """Make a folder that is there, with its states, this run's.

        Raises
        ------
        StorageError
            When it cannot be written.
        """
        with whole.whole_file(str(self.path / PLAN)) as file:
            file.write(self._record(request).encode())

    def check(self) -> None:
        """Raise NotOwnerError when the folder is gone, or another run's, and what `check_lease` raises."""
        self.check_lease()
        owner = self.owner or self.path
        if self.token is not None and _token(owner) != self.token:
            raise NotOwnerError(f"{owner} is gone or belongs to another run by now")

    @contextmanager
    def subfolder(
        self, name: str, completed_by: str, check: stored_path.Check | None = None
    ) -> Iterator[Path]:
        """Yield an empty local folder that becomes one of this folder's; see `new_folder`.

        Raises
        ------
        NotOwnerError
            When the folder is another run's, in which nothing is written then.
        """
        self.check()
        # A folder that has just been tidied is not to come back.
        parents = self.token is None
        with new_folder(self.path / name, completed_by, check=check, parents=parents) as aside:
            # Again, now that the temporary folder exists: another run replaces this folder as a
            # whole, and the temporary one with it, so the rename would fail.
            self.check()
            yield aside

    def remove(self) -> None:
        """Delete the folder, unless it is another run's; files that no run puts there stay."""
        with suppress(OSError, StorageError, NotOwnerError):
            self.check()
            if _foreign(self.path):
                _delete_ours(self.path)
            else:
                self._remove_whole()

    def _remove_whole(self) -> None:
        """Move the folder out of the way first: it may have become another run's since it was looked at.

        A store has nothing that could be moved.
        """
        if not isinstance(self.path, Path):
            self.path.remove_tree()
            return
        with whole.stepped_aside(self.path) as aside:
            RunFolder(aside, self.token).check()
            remove_tree(aside)

    def _record(self, request: Mapping[str, Any]) -> str:
        return json.dumps({**request, _TOKEN: self.token or ""}, indent=1)


def check_free(path: AnyPath) -> None:
    """Check that a new run may take a folder: what it holds is a run's that saved no state, if anything.

    Raises
    ------
    UnfinishedRunError
        When it holds a run that has saved a state.
    ForeignOutputError
        When it holds anything that no run puts there, or is no folder.
    StorageError
        When nothing can be written there.
    """
    check_reachable(path)
    if not stands(path):
        return
    if not path.is_dir():
        raise ForeignOutputError(f"{path} is a file, not a run's folder")
    if _token(path) is None:
        raise ForeignOutputError(f"{path} is not the folder of a run: it has no {PLAN} of one")
    if state.steps(path) or any(state.steps(round_path) for round_path in rounds(path)):
        raise UnfinishedRunError(f"{path} holds a run that did not end")
    foreign = _foreign(path)
    if foreign:
        raise ForeignOutputError(f"{path} holds {foreign[0].name}, which is not of a run")


def rounds(run: AnyPath) -> list[AnyPath]:
    """Return the folders of a run's rounds that there are, in order: those with all labels come last."""
    matches = ((path, _ROUND.fullmatch(path.name)) for path in run.glob("round-*"))
    order = {path: (bool(match[1]), int(match[2])) for path, match in matches if match}
    return sorted(order, key=order.__getitem__)


def _token(path: AnyPath) -> str | None:
    """Return the token of the run that a folder belongs to; None when it is no run's."""
    try:
        record = json.loads((path / PLAN).read_bytes())
        return str(record.get(_TOKEN, "")) if "plan" in record else None
    except (OSError, ValueError, AttributeError, TypeError):
        return None


def _foreign(path: AnyPath) -> list[AnyPath]:
    return sorted((child for child in path.iterdir() if not _is_ours(child.name)), key=str)


def _is_ours(name: str) -> bool:
    return _OURS.fullmatch(whole.leftover_of(name) or name) is not None


def _delete_ours(path: AnyPath) -> None:
    for child in path.iterdir():
        if _is_ours(child.name):
            remove_tree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
