"""The modules that python had loaded before the first of ours."""

import sys

MODULES = frozenset(sys.modules)
