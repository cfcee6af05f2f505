"""Schedules, timetables and assets: the rules for them."""
