"""What ``orders.yaml`` calls: the same helpers, as functions of a pipeline."""

from __future__ import annotations

from corner_shop.orders import by_region, orders, write


def total(day: str) -> dict[str, int]:
    """What each region paid on a day."""
    return by_region(orders(day))


def publish(day: str, totals: dict[str, int]) -> str:
    """Keep the totals of a day."""
    return write(f"orders_yaml/{day}", totals)
