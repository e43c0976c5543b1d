"""Raw facts: checked rows from sources into the raw tables, and read back for the builders."""
