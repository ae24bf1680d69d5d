"""The command `kuber`, and `python -m kuber`."""

INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it quietly even while it is still being imported."""
    try:
        from kuber.cli.app import app

        app(prog_name="kuber")
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
