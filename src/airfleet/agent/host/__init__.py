"""This machine as its agent sees it: disks, logs, memory, network, accounts."""
