"""Agencies that leave: what is planned, how far it got, and what their archive holds."""
