"""`python -m integration` is `turntwice`."""

from integration.cli import main

main()
