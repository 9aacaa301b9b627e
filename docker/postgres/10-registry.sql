-- The schema registry keeps its schemas in a database of its own, beside Banyan's read models.
CREATE DATABASE registry OWNER banyan;
