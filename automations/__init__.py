"""Event-driven automations: events in, rules matched, job variables rendered, runs made."""
