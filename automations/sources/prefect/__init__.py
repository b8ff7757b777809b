"""The events of a Prefect server, fetched."""

from automations.sources.prefect.source import PrefectSource
from automations.sources.prefect.subscription import PrefectSubscription

__all__ = ["PrefectSource", "PrefectSubscription"]
