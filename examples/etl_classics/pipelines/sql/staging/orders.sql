SELECT day, id, customer, amount, status = 'returned' AS returned
FROM shop.orders
WHERE status IN ('paid', 'returned')
