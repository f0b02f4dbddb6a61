"""Early stopping: the averaged weights that read the held-out images best are kept, and end the run."""

from ..codecs.codec import Codec
from . import state
from .data import Batch
from .learner import Learner
from .plan import EarlyStop
from .validation import validate


class Watch:
    """Looks at the held-out images now and then, and remembers the best weights in the learner.

    Parameters
    ----------
    learner
        The run's; its `best` are the weights to keep.
    held_out
        Images that are not trained on, and their texts.
    rule
        When to look, and when to stop.
    best
        What an earlier slice had seen as the best; None at the start of a run.
    """

    def __init__(
        self, learner: Learner, held_out: Batch, rule: EarlyStop, best: state.Best | None = None
    ) -> None:
        self._learner = learner
        self._held_out = held_out
        self._patience = rule.patience
        self._every = max(1, rule.images // learner.plan.batch)
        self.best = best

    @property
    def stopped(self) -> bool:
        """Whether the run has learnt nothing more for as long as patience lasts."""
        return self.best is not None and self.best.looks_since >= self._patience

    def after(self, step: int) -> None:
        """Look at the held-out images if it is time to, after so many steps of the run."""
        if step % self._every == 0:
            self.look(step)

    def look(self, step: int) -> None:
        """Compare the averaged weights with the best ones: by faults, then by loss."""
        if self.best is not None and self.best.step + self.best.looks_since * self._every >= step:
            return  # looked at already
        codec: Codec = self._learner.codec
        seen = validate(
            self._learner.averaged(), codec, self._held_out, self._learner.plan, self._learner.device
        )
        loss = seen.loss(codec)
        if self.best is None or (seen.wrong, loss) < (self.best.wrong, self.best.loss):
            self.best = state.Best(step=step, wrong=seen.wrong, loss=loss)
            self._learner.keep_best()
        else:
            self.best = self.best.model_copy(update={"looks_since": self.best.looks_since + 1})
