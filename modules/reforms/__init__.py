"""Reorganisation of units: merged, divided, renamed. The plan is made here, and nothing that bears data is deleted."""
