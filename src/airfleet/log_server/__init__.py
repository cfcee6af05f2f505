"""The log server of a host: logs of tasks and components for other hosts. [A]"""
