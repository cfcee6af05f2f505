SELECT by_day.sales AS by_day, by_region.sales AS by_region
FROM (SELECT coalesce(sum(sales), 0) AS sales FROM marts.daily_sales) AS by_day,
     (SELECT coalesce(sum(sales), 0) AS sales FROM marts.sales_by_region) AS by_region
WHERE by_day.sales <> by_region.sales
