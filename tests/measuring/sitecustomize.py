"""Keep coverage.py from following imports of other people's modules, which takes it longer than the rest.

Python imports this module when it starts, from PYTHONPATH (set by `tests/run.sh`), after coverage.py was
begun. No module of capq's is first imported by somebody else's module, so nothing of capq's is missed.
"""

import sys

if "coverage" in sys.modules:
    import sysconfig
    from importlib.machinery import SourceFileLoader
    from types import ModuleType

    _FOREIGN = tuple(sysconfig.get_path(name) + "/" for name in ("stdlib", "purelib", "platlib"))
    _exec_module = SourceFileLoader.exec_module

    def _measure_own(loader: SourceFileLoader, module: ModuleType) -> None:
        tracer = sys.gettrace()
        if not loader.path.startswith(_FOREIGN) or not hasattr(tracer, "stop"):
            _exec_module(loader, module)
            return
        tracer.stop()  # of this thread alone
        try:
            _exec_module(loader, module)
        finally:
            tracer.start()

    SourceFileLoader.exec_module = _measure_own  # type: ignore[method-assign]
