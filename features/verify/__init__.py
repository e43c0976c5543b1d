"""Whether the stored rows are true: recomputed in another way, and held against a changed future."""
