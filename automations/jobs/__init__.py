"""Job variables: layers, merge, provenance, validation, policy. Pure."""
