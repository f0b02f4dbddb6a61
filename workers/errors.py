"""Errors of the job system: one class a cause, whose message states the fact."""

from typing import ClassVar

from captcha_core.errors import CapqError


class SettingError(CapqError):
    """An environment variable whose value cannot be used."""


class BrokerError(CapqError):
    """Redis cannot be reached or used."""

    retryable: ClassVar[bool] = True


class BrokerPasswordError(BrokerError):
    """Redis asks for a password, or for another one."""

    retryable: ClassVar[bool] = False


class BrokerLostError(BrokerError):
    """Redis went away while a command was using it."""


class BrokerRefusalError(BrokerError):
    """Redis answers and refuses: it is full, a replica that cannot be written to, or forbids a command."""


class JobError(CapqError):
    """A job that is not in a state for what was asked."""


class UnknownJobError(JobError):
    """A job of which there is no record, or no longer one."""


class OpenJobError(JobError):
    """A job that has not ended."""


class FinishingJobError(JobError):
    """A job whose results are being put together."""


class OutputInUseError(JobError):
    """An output that an open job, or a command that is starting one, owns."""


class UnlistedJobError(JobError):
    """A job of which not all units are known, and nobody can list the rest."""


class TooManyUnitsError(JobError):
    """More units than one job may have."""


class JobCancelledError(CapqError):
    """Raised inside a unit whose job was cancelled."""


class LeaseLostError(CapqError):
    """Raised in a process whose lease has expired: somebody else does its work by now."""


class RuntimeStartError(CapqError):
    """The embedded runtime did not start or end."""


class NoRedisServerError(RuntimeStartError):
    """There is no server of Redis's protocol for the embedded runtime to run."""


class OtherServerDataError(RuntimeStartError):
    """The embedded runtime's data is of a server that is not here."""


class NotPosixError(RuntimeStartError):
    """The embedded runtime needs a POSIX system."""
