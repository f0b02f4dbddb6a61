"""``python -m cli``: the same as `capq`."""

from .main import main

main(prog_name="capq")
