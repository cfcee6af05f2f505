"""What a plan is made of: settings, paths, ports, hosts of one machine."""
