"""Runs on a real server: what is sent, what is refused before, and what its answers mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from with_prefect.sending import RealClock, Sending, about, sending
from with_prefect.server import PrefectServer

from automations.errors import AutomationsError, JobVariableErrors, PrepareError
from automations.model.secret import SecretReference
from automations.ports import Dead, Done, Retry
from automations.sinks.prefect import PrefectSettings, PrefectSink
from automations.sinks.prefect.client import PrefectUnavailableError
from automations.sources.secret import read_secret


@pytest.fixture
async def here(prefect: PrefectServer) -> AsyncIterator[Sending]:
    async with sending(prefect) as opened:
        yield opened


# --- what is sent --------------------------------------------------------------------------------------------


async def test_a_run_has_what_the_action_says(here: Sending) -> None:
    request = here.run(
        {"/job_variables/env.ORDER": "{{ event.resource.id }}"},
        parameters={"n": 1},
        job_variables={"env.ORDER": "o-1", "cpu": 4},
        tags=["repair"],
    )
    identity = await here.sent(request)
    (run,) = here.made()
    assert run["id"] == identity
    assert run["job_variables"] == {"env": {"ORDER": "o-1"}, "cpu": 4}
    assert (run["parameters"], run["tags"], run["state_type"]) == ({"n": 1}, ["repair"], "SCHEDULED")
    assert run["idempotency_key"] == f"{request.id}:{here.deployment}"


async def test_the_prepared_request_says_where_each_value_comes_from(here: Sending) -> None:
    request = here.run(
        {"/job_variables/env.ORDER": "{{ event.resource.id }}"}, job_variables={"env.ORDER": "o-1", "cpu": 4}
    )
    provenance = (await here.sink.prepare(request))["provenance"]
    layers = {pointer: origin["layer"] for pointer, origin in provenance.items()}
    assert layers == {"/env/BASE": "deployment", "/env/ORDER": "run", "/cpu": "run", "/image": "pool"}
    assert provenance["/env/ORDER"]["template"] == "{{ event.resource.id }}"


async def test_a_run_can_be_put_off(here: Sending) -> None:
    await here.sent(here.run(schedule_after=3_600_000_000))
    (run,) = here.made()
    ahead = datetime.fromisoformat(run["next_scheduled_start_time"]).timestamp() - RealClock().now() / 1e6
    assert 3500 < ahead <= 3600


@pytest.mark.parametrize("by", ["name", "id", "event"])
async def test_a_deployment_is_found_by(here: Sending, by: str) -> None:
    here.server.deployment(here.flow, "only-" + here.flow, None)
    fields: dict[str, Any] = {
        "name": {"deployment": "only-" + here.flow},
        "id": {"deployment_id": here.deployment},
        "event": about("deployment", here.deployment),
    }[by]
    prepared = await here.sink.prepare(here.run(**fields))
    assert prepared["deployment"] == (f"{here.flow}/only-{here.flow}" if by == "name" else here.name)


async def test_a_name_that_several_have_is_refused_with_all_of_them(here: Sending) -> None:
    here.server.deployment(here.flow + "-too", "nightly", None)
    with pytest.raises(PrepareError) as caught:
        await here.sink.prepare(here.run(deployment="nightly"))
    assert caught.value.code == "ambiguous"
    assert here.name in str(caught.value.hint)


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"deployment": "{flow}/nightyl"}, "nightly"),
        ({"deployment_id": str(uuid4())}, ""),
        ({"deployment_id": "x"}, ""),
    ],
)
async def test_what_is_not_there_is_refused(here: Sending, fields: dict[str, str], hint: str) -> None:
    written = {key: value.replace("{flow}", here.flow) for key, value in fields.items()}
    with pytest.raises(PrepareError) as caught:
        await here.sink.prepare(here.run(**written))
    assert caught.value.code == "not-found"
    assert hint in str(caught.value.hint)


async def test_an_object_of_our_own_is_refused(here: Sending) -> None:
    with pytest.raises(PrepareError, match="this engine's own"):
        await here.sink.prepare(here.run(**about("deployment", "etl/nightly", "automations")))


async def test_a_deployment_without_a_work_pool_takes_no_job_variables(here: Sending) -> None:
    here.server.deployment(here.flow, "served", None)
    with pytest.raises(JobVariableErrors, match="env"):
        await here.sink.prepare(here.run(deployment=f"{here.flow}/served", job_variables={"env.A": "x"}))
    await here.sink.prepare(here.run(deployment=f"{here.flow}/served", parameters={"n": 1}))


# --- what is refused before anything is sent -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job_variables", "message"),
    [
        ({"cpu": "many"}, "cpu"),
        ({"cpu": 0}, "cpu"),
        ({"region": "mars"}, "region"),
        ({"colour": "red"}, "colour"),
        ({"ORDER": "o-1"}, "env.ORDER"),
    ],
)
async def test_what_breaks_the_work_pools_schema_is_refused(
    here: Sending, job_variables: dict[str, Any], message: str
) -> None:
    with pytest.raises(JobVariableErrors, match=message):
        await here.sink.prepare(here.run(job_variables=job_variables))
    assert here.made() == []


async def test_an_event_may_not_choose_the_image_and_the_author_may(here: Sending) -> None:
    with pytest.raises(JobVariableErrors) as caught:
        await here.sink.prepare(here.run({"/job_variables/image": "{{ x }}"}, job_variables={"image": "evil:1"}))
    assert caught.value.code == "policy"
    await here.sent(here.run(job_variables={"image": "app:2"}))


async def test_the_settings_policy_opens_a_variable_to_events(prefect: PrefectServer) -> None:
    async with sending(prefect, image={"pattern": "app:[0-9]+"}) as here:
        await here.sent(here.run({"/job_variables/image": "{{ x }}"}, job_variables={"image": "app:7"}))
        with pytest.raises(JobVariableErrors, match="policy"):
            await here.sink.prepare(here.run({"/job_variables/image": "{{ x }}"}, job_variables={"image": "b:7"}))


async def test_an_event_never_chooses_what_a_worker_fills_in(here: Sending) -> None:
    said = "{{ prefect.blocks.secret.admin }}"
    with pytest.raises(PrepareError) as caught:
        await here.sink.prepare(here.run({"/job_variables/env.A": "{{ x }}"}, job_variables={"env.A": said}))
    assert caught.value.code == "refused"
    await here.sent(here.run(job_variables={"env.A": said}))
    assert here.made()[0]["job_variables"] == {"env": {"A": said}}


# --- the server's answers --------------------------------------------------------------------------------------


async def test_a_run_of_another_deployment_under_our_key_is_not_taken_for_ours(here: Sending) -> None:
    prepared = await here.sink.prepare(here.run())
    other = here.server.deployment(here.flow, "other", None)
    key = prepared["body"]["idempotency_key"]
    here.server.post(f"/deployments/{other}/create_flow_run", {"idempotency_key": key})
    outcome = await here.sink.deliver(prepared)
    assert isinstance(outcome, Dead)
    assert "same idempotency key" in outcome.reason


async def test_a_deployment_that_was_made_anew_is_found_again(here: Sending) -> None:
    prepared = await here.sink.prepare(here.run())
    here.server.request("DELETE", f"/deployments/{here.deployment}")
    here.deployment = here.server.deployment(here.flow, "nightly", "typed")
    outcome = await here.sink.deliver(prepared)
    assert isinstance(outcome, Dead)
    assert "redrive" in outcome.reason
    await here.sent(here.run())
    assert len(here.made()) == 1


async def test_parameters_that_the_flow_does_not_take_are_dead_with_the_servers_reason(here: Sending) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    here.server.deployment(
        here.flow, "strict", "typed", enforce_parameter_schema=True, parameter_openapi_schema=schema
    )
    request = here.run(deployment=f"{here.flow}/strict", parameters={"n": "one"})
    outcome = await here.sink.deliver(await here.sink.prepare(request))
    assert isinstance(outcome, Dead)
    assert "Validation failed for field 'n'" in outcome.reason


async def test_a_run_whose_answer_was_lost_is_made_once(here: Sending) -> None:
    prepared = await here.sink.prepare(here.run())
    here.network.fail("answer-lost")
    assert isinstance(await here.sink.deliver(prepared), Retry)
    here.network.fail("")
    assert isinstance(await here.sink.deliver(prepared), Done)
    assert len(here.made()) == 1


@pytest.mark.parametrize("fault", ["unavailable", "busy", "error", "reset"])
async def test_a_server_that_is_away_can_be_asked_again_when_an_action_is_prepared(
    here: Sending, fault: str
) -> None:
    here.network.fail(fault)
    with pytest.raises(PrefectUnavailableError) as caught:
        await here.sink.prepare(here.run())
    assert caught.value.recoverable
    here.network.fail("")
    await here.sink.prepare(here.run())


async def test_a_page_in_place_of_the_api_is_told_as_such(here: Sending) -> None:
    settings = PrefectSettings(api_url=here.server.url.removesuffix("/api"))  # type: ignore[call-arg]
    sink = PrefectSink(settings, {}, lambda _reference: "", RealClock())
    with pytest.raises(AutomationsError, match="is the address right"):
        await sink.prepare(here.run())
    await sink.close()


@pytest.mark.parametrize(
    ("field", "secret", "header"), [("api_key", "k-1", "Bearer k-1"), ("auth_string", "u:p", "Basic dTpw")]
)
async def test_the_server_is_told_the_secret_that_the_settings_point_to(
    here: Sending, tmp_path: Path, field: str, secret: str, header: str
) -> None:
    (tmp_path / "secret").write_text(secret + "\n")
    settings = PrefectSettings.model_validate({"api_url": here.network.url, field: {"file": "secret"}})

    def read(reference: SecretReference) -> str:
        return read_secret(reference, tmp_path, {})

    sink = PrefectSink(settings, {}, read, RealClock())
    await sink.prepare(here.run())
    assert here.network.authorization == header
    await sink.close()
