"""JSON records that a run keeps in its folder."""

from typing import TypeVar

import pydantic

from ..errors import StorageError, TrainingError
from ..storage import AnyPath

T = TypeVar("T", bound=pydantic.BaseModel)


def read_record(path: AnyPath, model: type[T]) -> T | None:
    """Return the record in a file; None where there is no file.

    Raises
    ------
    TrainingError
        When it is damaged.
    StorageError
        When it cannot be read just now.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except pydantic.ValidationError:
        raise TrainingError(f"{path} is damaged") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
