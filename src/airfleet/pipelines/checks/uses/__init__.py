"""Whether the work of a task makes sense: functions, and operators with rules of their own."""
