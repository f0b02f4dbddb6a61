"""Faults of processes and of the machines that they run on."""

from .case import FaultCase, for_kinds


@for_kinds(quick=("generate", "solve"))
def test_pool_process_killed(case: FaultCase) -> None:
    """The processes of a worker's pool killed"""
    worker = case.start_worker()
    case.begin()
    case.kill_pool(worker)
    case.ends_whole()
