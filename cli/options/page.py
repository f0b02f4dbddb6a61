"""The type of options that name an HTML page to be written."""

from pathlib import PurePath
from typing import Any

import click

_ENDINGS = (".html", ".htm")


class PageFile(click.ParamType[str]):
    """A path or URL that ends as pages do: a page in another file's name would be taken for that."""

    name = "html"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if PurePath(value).suffix.lower() not in _ENDINGS:
            self.fail(f"{value}: give a name that ends in .html", param, ctx)
        return str(value)
