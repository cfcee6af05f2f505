SELECT
    day,
    count(*) FILTER (WHERE NOT returned) AS orders,
    coalesce(sum(amount) FILTER (WHERE NOT returned), 0) AS sales,
    coalesce(sum(amount) FILTER (WHERE returned), 0) AS returned
FROM staging.orders
GROUP BY day
ORDER BY day
