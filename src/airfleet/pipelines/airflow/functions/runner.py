"""The function that another Python runs: it imports ``module:function`` there and calls it.

Its source is sent as it stands here, so it uses nothing of this module, and only what an old Python has, too.
"""

from __future__ import annotations

from typing import Any


def run_function(
    written: str, folders: list[str], files: dict[str, str], arguments: dict[str, Any], context: dict[str, Any]
) -> Any:
    """Import ``written`` and call it with its arguments, and with what it names of the context.

    ``folders`` come first on the path. ``files``, by their relative paths, are written into one that comes before them
    and is removed after the call.
    """
    import asyncio
    import contextlib
    import importlib
    import inspect
    import os
    import sys
    import tempfile

    with contextlib.ExitStack() as stack:
        if files:
            sent = stack.enter_context(tempfile.TemporaryDirectory(prefix="airfleet-"))
            for name, text in files.items():
                target = os.path.join(sent, *name.split("/"))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "w", encoding="utf-8") as file:
                    file.write(text)
            folders = [sent, *folders]
        sys.path[:0] = [folder for folder in folders if folder not in sys.path]
        module, _, name = written.partition(":")
        function = getattr(importlib.import_module(module), name)
        parameters = inspect.signature(function).parameters.values()
        takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        names = {parameter.name for parameter in parameters}
        given = {name: value for name, value in context.items() if takes_all or name in names}
        given.update(arguments)
        result = function(**given)
        return asyncio.run(result) if inspect.iscoroutine(result) else result


def any_arguments(**arguments: Any) -> None:
    """Stand for a function while the Dag is made: it is not imported here."""
