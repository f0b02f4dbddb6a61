"""When a unit, or the end of a job, is tried again: after which errors, how often, and how soon."""

from dataclasses import dataclass

from captcha_core.errors import CapqError

from ..settings import Settings


@dataclass(frozen=True)
class RetryPolicy:
    """How failed attempts are followed by others.

    An error of capq's own is final, unless its class says that the cause may pass (`retryable`). Any
    other error may pass: a lost file system, too little memory, a time limit.

    Attributes
    ----------
    max_attempts
        Attempts in all; the loss of a worker counts as one.
    first_seconds, longest_seconds
        Wait before the second attempt, doubled before each further one up to the longest.
    """

    max_attempts: int
    first_seconds: float = 2.0
    longest_seconds: float = 60.0

    @classmethod
    def from_settings(cls, settings: Settings) -> "RetryPolicy":
        return cls(max_attempts=settings.max_attempts)

    def allows(self, error: Exception, attempt: int) -> bool:
        """Tell whether another attempt follows the one that failed, counted from 1."""
        return attempt < self.max_attempts and (not isinstance(error, CapqError) or error.retryable)

    def wait(self, attempt: int) -> float:
        """Return the seconds between the failed attempt and the next."""
        doublings = min(attempt - 1, 32)  # a float has no larger power of interest
        return float(min(self.longest_seconds, self.first_seconds * 2**doublings))
