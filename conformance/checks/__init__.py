"""The checks: pytest tests, each marked with the requirements that it decides."""
