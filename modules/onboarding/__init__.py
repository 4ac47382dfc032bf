"""What is known of each agency that was applied, or is being: a file a unit, so that none costs the others anything."""
