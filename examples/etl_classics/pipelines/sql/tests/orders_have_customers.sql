SELECT id, customer
FROM staging.orders
LEFT JOIN staging.customers USING (customer)
WHERE name IS NULL
