"""Drills: each plants one fault on a copy of the database and shows that its monitor fires."""
