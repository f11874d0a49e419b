"""An index in PostgreSQL with pgvector, which several servers share."""
