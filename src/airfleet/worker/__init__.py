"""The Celery worker of a fleet: consumer, prefetch, monitors of attempts. [A]"""
