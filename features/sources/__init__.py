"""Where raw facts come from: files, the simulated league, stats.nba.com."""
