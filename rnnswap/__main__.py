"""`python -m rnnswap`."""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # The folder of a script, as the installed command's: what lies in the working folder may
        # have the names of our imports.
        sys.path[0] = os.path.dirname(sys.executable)  # noqa: PTH120

    from rnnswap.cli import main

    main(prog_name="python -m rnnswap")
