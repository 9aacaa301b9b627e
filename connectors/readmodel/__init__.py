"""Read-model stores: SQLite (embedded) and PostgreSQL. A store keeps rows and offsets in one transaction."""
