"""The processes in which tasks run: the pool, Dag zygotes, and their children. [A]"""
