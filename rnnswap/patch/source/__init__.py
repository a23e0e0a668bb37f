"""The source patcher: rewrites uses of one recurrent cell in a Python file into another.

Importing it imports neither torch nor libcst; the latter is imported once a text really holds the
name of a class to be replaced.
"""

from rnnswap.patch.source.rewrite import rewrite_source as rewrite_source

__all__ = ["rewrite_source"]
