"""Planting: a module's functions get the code of a changed copy of its source, for the length of a block."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType


@contextmanager
def planted(module: ModuleType, old: str, new: str) -> Iterator[None]:
    """Within the block `module` runs as if `old` in its source read `new`, whoever imported its functions before.

    Raises LookupError where `old` does not occur exactly once: the plant would not be what it says.
    """
    source = inspect.getsource(module)
    if source.count(old) != 1:
        raise LookupError(f"{module.__name__} has {source.count(old)} times {old!r}, not once: mend the plant")
    changed = ModuleType(module.__name__)
    exec(compile(source.replace(old, new), str(module.__file__), "exec"), changed.__dict__)  # noqa: S102 our own source
    codes = {function: function.__code__ for function in _functions(module)}
    others = dict(zip(map(_name, _functions(changed)), _functions(changed), strict=True))
    constants = {name: value for name, value in vars(module).items() if name.isupper() or name[1:].isupper()}
    try:
        for function in codes:
            function.__code__ = others[_name(function)].__code__
        vars(module).update({name: vars(changed)[name] for name in constants})
        yield
    finally:
        for function, code in codes.items():
            function.__code__ = code
        vars(module).update(constants)


def _functions(module: ModuleType) -> list[FunctionType]:
    """The functions and methods that the module's own source defines."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    holders = [vars(value).values() for value in own if isinstance(value, type)]
    found = [value for values in (own, *holders) for value in values]
    functions = [value.fget if isinstance(value, property) else value for value in found]
    return [value for value in functions if isinstance(value, FunctionType) and value.__module__ == module.__name__]


def _name(function: FunctionType) -> str:
    return function.__qualname__
