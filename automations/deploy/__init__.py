"""Deployment files: what can be run, and where."""

from automations.deploy.jobs import FileJobs, ReloadableJobs
from automations.deploy.load import CheckedJobs, check_deployments, load_deployments
from automations.deploy.rule_check import rule_problems

__all__ = ["CheckedJobs", "FileJobs", "ReloadableJobs", "check_deployments", "load_deployments", "rule_problems"]
