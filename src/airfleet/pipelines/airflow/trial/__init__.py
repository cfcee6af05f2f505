"""Runs of a Dag for its author: a debugger, stand-ins for tasks, and a run inside this process. [A]"""
