"""Executes a script the way a notebook kernel does: one top-level statement at a time, no __file__, a running loop, foreign argv, SystemExit fails.

Exit codes: 0 fell off the end, 98 an exception, 99 SystemExit. Values of bare expressions are printed, as a notebook
does.
"""

import ast
import asyncio
import sys
import traceback
import types
from pathlib import Path


async def main(tree: ast.Module) -> int:
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    namespace = module.__dict__
    sys.argv = ["ipykernel_launcher.py", "-f", "/tmp/kernel.json"]
    for statement in tree.body:
        try:
            if isinstance(statement, ast.Expr):
                value = eval(compile(ast.Expression(statement.value), "<cell>", "eval"), namespace)
                if value is not None:
                    print("Out:", repr(value))
            else:
                exec(compile(ast.Module([statement], []), "<cell>", "exec"), namespace)
        except SystemExit:
            traceback.print_exc()
            return 99
        except Exception:  # noqa: BLE001 - any exception is a failed run
            traceback.print_exc()
            return 98
    return 0


sys.exit(asyncio.run(main(ast.parse(Path(sys.argv[1]).read_text()))))
