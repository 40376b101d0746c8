"""Whatever is sent to a documented path, valid or not, is answered as documented and never by a server error."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from pairing_testing.house import Table, open_instance
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pairing.bootstrap import build, openapi_app
from pairing.settings import PairingSettings
from twotop_common.service_defaults.lifecycle import running
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 40


@pytest.mark.parametrize("mode", list(GenerationMode))
async def test_documented_paths_answer_as_documented(settings: PairingSettings, mode: GenerationMode) -> None:
    lifted = settings.model_copy(update={"rate_limits_enabled": False})
    async with (
        build(lifted) as runtime,
        running(runtime),
        open_instance(settings.database_url, Clock(datetime.now(UTC))) as instance,
    ):
        seated = await instance.seat(Table.new())
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(runtime.app, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await eventually(lambda: server.started)
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            await asyncio.to_thread(_try_everything, base_url, seated.credential, mode)
        finally:
            server.should_exit = True
            await serving


def _try_everything(base_url: str, credential: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(openapi_app().openapi())
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()

        @hypothesis_settings(
            max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers_as_documented(case: schemathesis.Case[Any]) -> None:
            for headers in ({}, {"Authorization": f"Bearer {credential}"}):
                case.call_and_validate(base_url=base_url, headers=headers, checks=CHECKS)

        answers_as_documented()
