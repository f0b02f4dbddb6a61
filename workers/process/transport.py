"""The queues as a worker reads them: what is no message of capq's is dropped, and said in the log.

Celery takes what is on its queues on trust. A list entry that is no JSON, or a message without the
fields that Celery writes, would end the worker, and after it each worker that takes its place.
What a message holds is never logged: whoever put it there may have put anything into it.
"""

import base64
import logging
from typing import Annotated, Any, Literal

import pydantic
import redis
from kombu.transport import redis as redis_transport
from pydantic import Field

from ..app import QUEUES
from ..ledger.ledger import MAX_UNITS

log = logging.getLogger(__name__)

MAX_BODY = 1 << 16
"""Characters of a message's body; one of capq's names a job and a unit, and takes some hundred."""

_NO_MESSAGE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
_CONNECTION_LOST = (OSError, redis.RedisError)


class _Part(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)


class _DeliveryInfo(_Part):
    exchange: str
    routing_key: str


class _Properties(_Part):
    delivery_tag: str = Field(min_length=1, max_length=256)
    delivery_info: _DeliveryInfo
    body_encoding: Literal["base64"]
    correlation_id: str | None = None
    reply_to: str | None = None
    priority: int | None = None


class _Headers(_Part):
    """All that Celery and its tracing write; others are not handed on."""

    task: str = Field(pattern=r"^capq\.")
    lang: str | None = None
    origin: str | None = None
    id: str = Field(min_length=1, max_length=256)
    shadow: None = None
    argsrepr: str | None = None
    kwargsrepr: str | None = None
    root_id: str | None = None
    parent_id: str | None = None
    group: None = None
    retries: int = Field(0, ge=0, le=1 << 31)
    eta: str | None = None
    expires: str | None = None
    timelimit: list[float | None] | None = Field(None, min_length=2, max_length=2)
    ignore_result: bool | None = None
    group_index: None = None
    replaced_task_nesting: int = 0
    stamped_headers: None = None
    traceparent: str | None = Field(None, max_length=256)
    tracestate: str | None = Field(None, max_length=1024)
    stamps: dict[str, None] = Field({}, max_length=0)


class _Message(_Part):
    body: str = Field(max_length=MAX_BODY)
    content_type: Literal["application/json"] = Field(alias="content-type")
    content_encoding: Literal["utf-8"] = Field(alias="content-encoding")
    headers: _Headers
    properties: _Properties


class _Afterwards(_Part):
    """What Celery would run after the task: capq asks for nothing."""

    callbacks: None = None
    errbacks: None = None
    chain: None = None
    chord: None = None


_Job = Annotated[str, Field(pattern=r"^[a-z-]{1,32}-[0-9a-f]{1,32}$")]
_Unit = Annotated[int, Field(ge=0, lt=MAX_UNITS)]
_Nothing = Annotated[dict[str, None], Field(max_length=0)]

_BODY: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(
    tuple[tuple[_Job, _Unit] | tuple[_Job], _Nothing, _Afterwards], config=pydantic.ConfigDict(strict=True)
)


def checked(message: object) -> dict[str, Any]:
    """Return a task's message with the fields that Celery writes, each of its type.

    Raises
    ------
    ValueError
        When it is none of capq's; the error's text shows nothing that the message holds.
    """
    try:
        fields = _Message.model_validate(message)
        _BODY.validate_json(base64.b64decode(fields.body, validate=True))
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from None
    except ValueError:
        raise ValueError("body: not in base 64") from None
    return fields.model_dump(by_alias=True, exclude_unset=True)


class Channel(redis_transport.Channel):
    """Reads the queues, and the requests to all workers."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except _CONNECTION_LOST:
            raise
        except _NO_MESSAGE as error:
            return _dropped("a queue's entry", error)

    def _connparams(self, asynchronous: bool = False) -> Any:
        # After a loss, a channel that is closed late puts its messages back by a connection that is gone. Of
        # any other error than a lost connection's the worker ends, instead of connecting again.
        if self.connection.client is None:
            raise redis.ConnectionError("the connection to Redis is closed")
        return super()._connparams(asynchronous=asynchronous)

    def _receive(self) -> Any:
        try:
            return super()._receive()
        except _CONNECTION_LOST:
            raise
        except _NO_MESSAGE as error:
            return _dropped("a request to the workers", error)


class Transport(redis_transport.Transport):
    """Hands on messages that are whole."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        if queue in QUEUES:
            try:
                message = checked(message)
            except ValueError as error:
                log.error("dropped a message on the queue %s that is none of capq's (%s)", queue, error)  # noqa: TRY400
                return
        try:
            super()._deliver(message, queue)
        except _CONNECTION_LOST:
            raise
        except _NO_MESSAGE as error:
            _dropped(f"an entry of {queue}", error)
            self._settle(message)

    def _settle(self, message: Any) -> None:
        """Give up a message that was begun, so that its place is free for the next one."""
        try:
            tag = str(message["properties"]["delivery_tag"])
        except _NO_MESSAGE:
            return  # it had no place yet
        for channel in filter(None, self.channels):
            channel.basic_reject(tag, requeue=False)


def _dropped(what: str, error: Exception) -> bool:
    log.error("dropped %s that is no message (%s)", what, type(error).__name__)
    return True
