"""`python -m hotdash`."""

from hotdash.cli import main

if __name__ == "__main__":
    main()
