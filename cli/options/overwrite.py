"""`--overwrite` of the commands that write files for people to look at."""

import click

overwrite_option = click.option(
    "--overwrite",
    is_flag=True,
    help="Replace what capq wrote there of something else. Files of other origin are never replaced.",
)
