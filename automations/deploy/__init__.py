"""Deployments: from files, and deployed from elsewhere."""

from automations.deploy.deployed import deployment_changes, document_of, with_deployed
from automations.deploy.document import check_policies
from automations.deploy.jobs import FileJobs, ReloadableJobs
from automations.deploy.load import CheckedJobs, check_deployments
from automations.deploy.request import deploy_request
from automations.deploy.rule_check import rule_problems

__all__ = [
    "CheckedJobs",
    "FileJobs",
    "ReloadableJobs",
    "check_deployments",
    "check_policies",
    "deploy_request",
    "deployment_changes",
    "document_of",
    "rule_problems",
    "with_deployed",
]
