"""Rules, written once, and judged twice: at preview by the policy pack, at admission by the API server."""
