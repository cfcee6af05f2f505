"""Parts of a plan: settings, paths, ports, hosts of one machine."""
