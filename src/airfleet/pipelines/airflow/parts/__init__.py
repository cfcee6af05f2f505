"""Parts of a Dag that are more than one operator: groups, repeated tasks, schedules, objects. [A]"""
