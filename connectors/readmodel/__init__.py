"""Read-model stores: SQLite (embedded). A store keeps rows and offsets in one transaction."""
