"""The fault suite: real jobs, workers and servers, a fault in the middle, and an audit at the end.

A test is a fault, its parameter `kind` says on which kind of job. To add a fault, write a test into the
module of its subject (or a new ``tests/faults/test_<subject>.py``)::

    @for_kinds(quick=("generate",))
    def test_pool_process_killed(case: FaultCase) -> None:
        "A pool process killed"
        worker = case.start_worker()
        case.begin()
        case.kill_pool(worker)
        case.ends_whole()

- The docstring names the fault: it is the row of the table that ``python -m tests.faults`` prints. It
  may have fields, which the test's other parameters fill: ``"Killed at the point {point}"``.
- `for_kinds` makes a case of each kind of job; ``for_kinds("generate", "solve")`` of some of them. Those in
  `quick` belong to the quick test suite, the others are marked `faults`.
- `FaultCase` (`tests.faults.case`) has a Redis, a folder and a command line of its own. `begin` starts
  the job and returns in its middle: a unit is done, others are not. `ends_whole` waits for the end and
  audits all of it against a run that nobody disturbed (`tests.faults.audit`): the first case of a kind runs
  its job once more for that, on the workers that are there at the end.
- A test never sleeps to let something happen: it waits for the condition with `wait_until`. The length of
  a fault, such as of a Redis that is away, is waited for with `elapse`.
"""

import pytest

pytest.register_assert_rewrite("tests.faults.audit", "tests.faults.case")
