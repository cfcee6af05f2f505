-- A host is up, it left in good order, or others took it over; nothing else is a state of a host.

ALTER TABLE airfleet_host ADD CONSTRAINT airfleet_host_state CHECK (state IN ('up', 'left', 'gone'));
