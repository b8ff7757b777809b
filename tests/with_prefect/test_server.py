from __future__ import annotations

from with_prefect.server import PrefectServer


def test_the_server_is_the_version_that_is_promised(prefect: PrefectServer) -> None:
    assert prefect.get("/admin/version") == "3.8.8"


def test_a_deployment_that_is_made_is_there(prefect: PrefectServer) -> None:
    identity = prefect.deployment("etl", "nightly", "here", job_variables={"env": {"REGION": "eu"}})
    found = prefect.get("/deployments/name/etl/nightly")
    assert (found["id"], found["job_variables"]) == (identity, {"env": {"REGION": "eu"}})
