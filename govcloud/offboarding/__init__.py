"""An agency leaves: its workloads are stopped, its data is archived and read back, and only later deleted."""
