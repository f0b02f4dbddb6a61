"""Mixed jobs for half an hour while something fails every twenty seconds: ``python -m tests.soak``."""
