"""Alembic's entry: runs the migrations on the connection that contracts.database hands over."""

from alembic import context

from contracts.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
