"""Past days as if live: a twin of the database that knows, each morning, what was known then."""
