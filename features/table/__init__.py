"""The feature table: builds, versioned rows, backfill, quality, status and export."""
