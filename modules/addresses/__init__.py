"""The address plan of the state: national prefixes, a ledger of who has which part of them, and its pictures."""
