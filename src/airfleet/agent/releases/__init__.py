"""The releases of this host: what its agent hears of them, fetches, makes live and reports."""
