-- The record of migrations says which version the schema has. An airfleet without numbers reads it here: it knows
-- version 1, finds a newer one, and leaves the database alone.

DROP TABLE airfleet_schema;
CREATE VIEW airfleet_schema AS
SELECT true AS one, number AS version, airfleet FROM airfleet_migration ORDER BY number DESC LIMIT 1;
