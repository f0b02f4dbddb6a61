import pytest

from captcha_core.errors import InputError, StorageError
from workers.settings import Settings
from workers.units.retries import RetryPolicy


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (OSError("stale file handle"), True),
        (MemoryError(), True),
        (StorageError("cannot write"), True),
        (InputError("no images"), False),
    ],
)
def test_an_error_that_may_pass_is_tried_again_up_to_the_last_attempt(error: Exception, again: bool) -> None:
    policy = RetryPolicy.from_settings(Settings(max_attempts=3))
    assert [policy.allows(error, attempt) for attempt in (1, 2, 3)] == [again, again, False]


def test_the_waits_grow_up_to_a_bound() -> None:
    policy = RetryPolicy(max_attempts=100)
    assert [policy.wait(attempt) for attempt in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]
    assert policy.wait(5_000) == 60
