"""`capq top`."""

import click

from workers.ledger import connection
from workers.settings import settings

from ..job.session import session
from ..terminal import json_option, print_json


@click.command()
@click.option("--once", is_flag=True, help="Print it once and leave; so does a pipe or a file.")
@json_option
def top(once: bool, as_json: bool) -> None:
    """Watch queues, workers, rates and open jobs until Ctrl-C.

    \b
    capq top
    capq top --once --json    for scripts
    """
    if as_json and not once:
        raise click.UsageError("--json prints one value: add --once")
    from ..top.overview import OverviewReader

    with session() as ledger:
        reader = OverviewReader(ledger, settings())
        if as_json:
            print_json(reader.read())
            return
        # Here, so that scripts never load rich.
        from ..top.loop import print_once, watch

        address = connection.without_password(settings())
        print_once(reader, address) if once else watch(reader, address)
