"""The simulated league: its people, calendar, games, injuries and the books that price it."""
