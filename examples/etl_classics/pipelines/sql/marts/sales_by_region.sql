SELECT region, day, count(*) AS orders, sum(amount) AS sales
FROM staging.orders
JOIN staging.customers USING (customer)
WHERE NOT returned
GROUP BY region, day
ORDER BY region, day
