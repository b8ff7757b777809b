"""HTTP: the API and the webhooks."""
