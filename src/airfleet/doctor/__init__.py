"""A look at a fleet by somebody for whom it does not work: facts from this machine and its servers, and judgements.

Facts are gathered at the edge (:mod:`airfleet.doctor.gathering`), each for itself: one that cannot be had is
:class:`~airfleet.doctor.finding.Unknown`, with the reason. Judgements are pure functions over them
(:mod:`airfleet.doctor.judgements`), and the table of all checks joins both (:mod:`airfleet.doctor.checks`).
"""
