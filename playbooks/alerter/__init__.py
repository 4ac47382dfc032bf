"""The alerter: tells tenants, in an object store, when much of a quota is in use, as Alertmanager's webhook would."""
