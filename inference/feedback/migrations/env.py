"""Alembic's environment: the connection comes from `inference.feedback.database`, and no ini file is read."""

from __future__ import annotations

from alembic import context

from inference.feedback.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
context.run_migrations()
