"""Where the builders run: in this process, or on Spark."""
