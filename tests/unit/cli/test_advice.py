"""What the command line adds to an error's message."""

import click
import pytest

import captcha_core.errors
import workers.errors
from captcha_core.errors import CapqError, ForeignOutputError, OutputExistsError, SpecError
from cli.advice import ADVICE, advise, advise_on_unit
from cli.commands.generate import generate
from cli.commands.solve_dir import solve_dir
from cli.commands.verify import verify
from workers.errors import BrokerPasswordError, TooManyUnitsError


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (solve_dir, "it exists: add --overwrite to replace it, or give another --out"),
        (generate, "it exists: give another --out"),
        (verify, "it exists"),
    ],
)
def test_a_command_is_told_of_the_options_it_has(command: click.Command, advice: str) -> None:
    assert advise(OutputExistsError("it exists"), command) == advice


def test_what_capq_did_not_make_is_never_to_be_overwritten() -> None:
    assert advise(ForeignOutputError("a photo"), solve_dir) == "a photo: give another --out"


def test_units_are_made_larger_by_the_option_of_the_command() -> None:
    assert advise(TooManyUnitsError("too many"), generate) == "too many: raise --per-shard"
    assert advise(TooManyUnitsError("too many"), solve_dir) == "too many: raise --batch"


def test_the_nearest_class_gives_the_advice() -> None:
    class StrangePasswordError(BrokerPasswordError):
        pass

    assert advise(StrangePasswordError("no"), verify) == "no: put the password into CAPQ_REDIS_URL"


def test_a_failed_unit_has_advice_that_needs_no_option() -> None:
    damaged = "shard 3 is damaged: write it again with `capq verify DATASET --repair`"
    assert advise_on_unit("shard 3 is damaged", "DamagedDatasetError") == damaged
    assert advise_on_unit("it exists", "OutputExistsError") == "it exists"
    assert advise_on_unit("ZeroDivisionError: division by zero", "") == "ZeroDivisionError: division by zero"
    assert advise_on_unit("of a newer version", "NewerError") == "of a newer version"


def test_an_error_without_advice_is_its_message() -> None:
    assert advise(SpecError("too wide"), generate) == "too wide"


def test_there_is_advice_for_errors_of_the_library_and_of_the_job_system_only() -> None:
    modules = (captcha_core.errors, workers.errors)
    classes = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    assert set(ADVICE) <= classes
    assert all(issubclass(error, CapqError) for error in ADVICE)
