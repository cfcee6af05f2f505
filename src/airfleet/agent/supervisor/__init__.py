"""Components as processes: started, probed, restarted, scaled, drained, ended."""
