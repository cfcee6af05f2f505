"""Objects of releases from host to host: api-servers give those of their hosts, agents take what a store lacks."""
