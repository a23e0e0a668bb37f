"""A look at a text's tree that tells most files without a use from those with one. Uses ast.

libcst needs some ten seconds for a megabyte; where the class is named in comments, docstrings and
longer identifiers alone, it is not asked.
"""

from __future__ import annotations

import ast
import re

from rnnswap.patch.source.plan import Plan


def may_use(tree: ast.Module, plan: Plan) -> bool:
    """Return whether a module may hold something to be replaced or reported."""
    origins = plan.origins()
    names = {origin.class_name for origin in origins.values()}
    names |= {name.rpartition(".")[2] for name in plan.others()}
    modules = {name.rpartition(".")[0] for name in origins}
    quoted = re.compile("|".join(sorted(names)))
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found = node.id in names or node.id == "getattr"
        elif isinstance(node, ast.Attribute):
            found = node.attr in names
        elif isinstance(node, ast.ImportFrom):
            found = _imports(node, names, modules)
        elif isinstance(node, ast.Expr):
            docstrings.add(node.value)
            found = False
        elif isinstance(node, ast.Constant):
            text = node.value if isinstance(node.value, str) else ""
            found = node not in docstrings and quoted.search(text) is not None
        else:
            found = False
        if found:
            return True
    return False


def _imports(statement: ast.ImportFrom, names: set[str], modules: set[str]) -> bool:
    for alias in statement.names:
        if alias.name in names or (alias.name == "*" and statement.module in modules):
            return True
    return False
