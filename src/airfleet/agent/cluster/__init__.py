"""One host among others: leases, quorum, the watchdog, facts that hosts compare."""
