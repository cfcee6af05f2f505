"""People that do not exist: ``python -m csv_to_dynamo.sample --rows 1000 --seed 1 > people.csv``."""

from __future__ import annotations

import argparse
import csv
import io
import random
import sys

from csv_to_dynamo.people import HEADER

_FIRST = ("Ada", "Alan", "Barbara", "Dennis", "Donald", "Edsger", "Frances", "Grace", "Jean", "Ken", "Radia", "Tim")
_LAST = (
    "Adler",
    'Brook "Lo"',
    "Castillo",
    "Dvořák",
    "Eze",
    "Fujii",
    "Gruber",
    "Haddad",
    "Kaya, Jr.",
    "Moreau",
    "Nkosi",
)


def people(rows: int, seed: int) -> str:
    """A CSV file of so many people; always the same one from the same seed."""
    chance, text = random.Random(seed), io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(HEADER)
    for number in range(1, rows + 1):
        name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
        # Most people have a small one, some say 7 and some do not say.
        favourite = (
            chance.choice([7, round(chance.gauss(40, 20)), ""]) if chance.random() < 0.5 else chance.randint(1, 99)
        )
        lines.writerow([number, name, str(chance.random() < 0.7).lower(), favourite])
    return text.getvalue()


def main(arguments: list[str] | None = None) -> None:
    """Write a file to standard output."""
    parser = argparse.ArgumentParser(prog="csv_to_dynamo.sample", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    sys.stdout.write(people(options.rows, options.seed))


if __name__ == "__main__":
    main()
