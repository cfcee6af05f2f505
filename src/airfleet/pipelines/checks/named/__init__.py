"""Checks of what arguments name: classes, functions, notifiers, files and Jinja."""
