"""Why a run failed or waits: facts, patterns of failures, and the verdict."""
