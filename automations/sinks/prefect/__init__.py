"""The Prefect sink: runs, and what else a rule may do, on a Prefect 3 server or on Prefect Cloud."""

from automations.sinks.prefect.settings import PrefectSettings
from automations.sinks.prefect.sink import PrefectSink

__all__ = ["PrefectSettings", "PrefectSink"]
