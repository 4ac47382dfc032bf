"""Planning for all units of the country at once: what each brings, gets and costs, before any of them exists."""
