"""Deployment files: what can be run, and where."""

from automations.deploy.jobs import FileJobs, ReloadableJobs
from automations.deploy.load import CheckedJobs, check_deployments, load_deployments

__all__ = ["CheckedJobs", "FileJobs", "ReloadableJobs", "check_deployments", "load_deployments"]
