"""``python -m airfleet.cli``: the command line without the installed script."""

from airfleet.cli.main import main

if __name__ == "__main__":
    main()
