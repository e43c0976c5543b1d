"""The daily report: what was said, what happened and how well, on one page; one section a file."""
