"""The streak law. Pure: no clock, no database, no network; time comes in as an argument."""
