"""The command line: parse, call, show."""

import os

# To look for plugins, pydantic reads what each installed package says of itself: in a large
# environment that takes longer than all that a command does. capq's own models have no use for any.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
