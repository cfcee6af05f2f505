"""Hosts that join a fleet, leave it, or are replaced by another machine.

::

    fleet.yaml ──> one item of ``hosts`` more, less, or with another place ──> fleet.yaml, all other lines as they were
    another machine ──> the key that it shows ──> known_hosts, when the person has named that very key
"""
