"""The coordinator: batches, the ledger of their player-games, workers, and the service over HTTP."""
