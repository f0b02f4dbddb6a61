"""Points at which a process stands still, for tests of faults only.

A process that comes to the point that ``CAPQ_FAULT_POINT`` names stops itself, as SIGSTOP does. The test
finds it there, and kills it, or lets it go on when its lease has expired.

=====================  ====================================================================
``after-send``         messages of units are on the queue, and not noted as published
``before-lease``       a message is taken from its queue, and nobody has the lease on its unit
``after-write``        the files of a unit are written, and the unit is not recorded
``after-record``       a unit is recorded, and what follows is owed and not sent
``before-acknowledge`` what follows is sent, and the unit's message is not acknowledged
``after-finish``       the results are put together, and the job is not closed
``after-close``        the job is closed, and its working folder is still there
=====================  ====================================================================
"""

import logging
import os
import signal

from ..settings import FaultPoint, settings

log = logging.getLogger(__name__)


def stand_still_at(point: FaultPoint) -> None:
    """Stop this process if the environment names this point."""
    if settings().fault_point == point:
        log.warning("standing still %s, as CAPQ_FAULT_POINT says", point)
        os.kill(os.getpid(), signal.SIGSTOP)
