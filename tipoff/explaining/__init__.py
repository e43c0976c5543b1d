"""Why a player has no prediction on a date, and where a prediction's number comes from."""
