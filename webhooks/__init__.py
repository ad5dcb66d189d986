"""How services speak: an HTTP request in, verified reports out."""
