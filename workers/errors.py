"""Errors of the job system; every message says what to do."""

from captcha_core.errors import CapqError


class BrokerError(CapqError):
    """Redis cannot be reached or used."""


class JobError(CapqError):
    """A job that does not exist or is not in a state for what was asked."""


class JobCancelledError(CapqError):
    """Raised inside a unit whose job was cancelled."""


class RuntimeStartError(CapqError):
    """The embedded runtime did not come up."""
