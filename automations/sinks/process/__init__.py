"""The process pool: runs of deployments as subprocesses of the engine."""

from automations.sinks.process.pool import ProcessPool
from automations.sinks.process.sink import ProcessSink

__all__ = ["ProcessPool", "ProcessSink"]
