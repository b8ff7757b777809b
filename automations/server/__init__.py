"""HTTP: the API and the webhooks."""

from automations.server.app import create_app, create_gateway, create_worker
from automations.server.keys import SCOPES, Scope, new_api_key
from automations.server.settings import ServerSettings

__all__ = ["SCOPES", "Scope", "ServerSettings", "create_app", "create_gateway", "create_worker", "new_api_key"]
