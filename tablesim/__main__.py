"""``python -m tablesim``: the same as the installed command."""

from tablesim.cli import main

if __name__ == "__main__":
    main()
