SELECT id::integer AS customer, name, region, since::date AS since
FROM raw.customers
