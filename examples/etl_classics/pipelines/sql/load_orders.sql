SELECT pg_advisory_xact_lock(4711);

CREATE SCHEMA IF NOT EXISTS shop;

CREATE TABLE IF NOT EXISTS shop.orders (
    day date NOT NULL,
    id text PRIMARY KEY,
    customer integer NOT NULL,
    hour integer NOT NULL,
    amount numeric(12, 2) NOT NULL,
    status text NOT NULL
);

DELETE FROM shop.orders WHERE day = %(day)s;

INSERT INTO shop.orders
SELECT day, id, customer, extract(hour FROM placed_at AT TIME ZONE 'UTC')::integer, amount, status
FROM raw.orders
WHERE day = %(day)s;
