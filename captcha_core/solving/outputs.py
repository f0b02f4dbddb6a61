"""What a reading writes, held apart from what it reads before anything is touched."""

from ..errors import OverlapError
from ..inputs.labels import BESIDE, NAMES
from ..inputs.lists import STANDARD_INPUT
from ..storage import MarkedFile, as_path
from ..storage.overlap import check_apart
from .plan import ReadingPlan


def report_file(url: str, out: str, *, overwrite: bool) -> MarkedFile:
    """Return the report of a table as the file that it is to be.

    Parameters
    ----------
    url, out
        Paths or URLs of the report and of the table.
    overwrite
        Whether the report of another table may be replaced.
    """
    return MarkedFile(url, "report", out, overwrite)


def check_outputs(plan: ReadingPlan, *, checkpoint: str, report: str, overwrite: bool) -> None:
    """Check that table and report lie apart from the images, the labels and the network, and may be written.

    `Reading.start` looks at the table itself.

    Parameters
    ----------
    checkpoint
        The network's folder or name.
    report
        Path or URL of the report; empty for none.
    overwrite
        Whether the report of another table may be replaced.

    Raises
    ------
    OverlapError
        When an output lies in an input, or the other way round, or two outputs in one another.
    ForeignOutputError, OutputExistsError, StorageError
        As `MarkedFile.check`.
    """
    table = [plan.out, f"{plan.out}.parts"]
    read_from = (plan.source.url, plan.labels)
    inputs = [url for url in read_from if url not in ("", STANDARD_INPUT, NAMES, BESIDE)]
    inputs += [checkpoint] if as_path(checkpoint).is_dir() else []
    check_apart(table, inputs)
    if report:
        check_apart([report], inputs, "report")
        if report == plan.out:
            raise OverlapError(f"{report} is the table: it cannot be the report as well", "report")
        report_file(report, plan.out, overwrite=overwrite).check()
