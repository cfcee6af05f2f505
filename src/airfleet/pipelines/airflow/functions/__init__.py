"""Function tasks that are more than a call: in another Python or container, sensors, branches. [A]"""
