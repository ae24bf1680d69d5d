"""The command `kuber`, and `python -m kuber`."""

import gc
import io
import os
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it quietly even while it is still being imported."""
    gc.disable()  # a command lives for a second, of which collecting would be a fifth
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads the metadata of all packages
    try:
        from kuber.cli.app import app

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # where there is no UTF-8, a question mark and no traceback
        app(prog_name="kuber")
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
