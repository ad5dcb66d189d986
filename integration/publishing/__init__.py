"""Feeds as documents: made, kept, mended, checked and given out as files."""
