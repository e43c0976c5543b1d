"""stats.nba.com through the nba_api library: asked politely, its answers as sources."""
