"""Event-driven automations: events in, rules matched, job variables rendered, runs made."""

from automations.flows import Flow, GitRepository, flow

__all__ = ["Flow", "GitRepository", "flow"]
