"""Output for people: tables, progress, problems, crash reports."""
