"""Run by Alembic on the connection that storage.database hands over, inside its transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from storage.schema import Base

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
