"""One file per service. Dropping a file in is all it takes to add one (see CONTRIBUTING.md)."""
