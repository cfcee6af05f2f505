"""``airfleet deploy``: from a laptop or CI to the hosts of fleet.yaml, by the person's own ``ssh``.

::

    probe ──> facts ──> problems                  preflight, of all hosts before anything changes
                          │ none
    fleet.yaml ──> version ──> steps ──> host     provision: environment and files, beside those that run
                                 │
                              rollout             host by host, with a barrier; back to what it had when one fails

Values and pure functions but for :mod:`~airfleet.deploy.ssh`, which runs a program, :mod:`~airfleet.deploy.wheels`,
which downloads and reads wheels, :mod:`~airfleet.deploy.wheel`, which reads the package that runs here, and
:mod:`~airfleet.deploy.membership`, which asks ``ssh`` for keys.
"""
