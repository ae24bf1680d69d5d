"""`python -m kuber`."""

from kuber.cli import main

if __name__ == "__main__":
    main()
