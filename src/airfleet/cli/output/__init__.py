"""What people see: tables, progress, problems, crash reports."""
