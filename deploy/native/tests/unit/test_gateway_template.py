import dataclasses
import json
import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from twotop_native.gateway import Gateway, TemplateVariableMissing, render, upstream
from twotop_native.paths import checkout_root

TEMPLATE = checkout_root() / "deploy" / "gateway" / "nginx.conf.template"


def gateway(folder: Path) -> Gateway:
    return Gateway(
        nginx=Path("/usr/sbin/nginx"),
        template=TEMPLATE,
        folder=folder,
        web_root=folder / "web",
        port=18080,
        user=None,
        session_api=[18001, 18002],
        pairing=[18003],
        realtime_gateway=[18004, 18005],
    )


def test_every_variable_is_filled_in_and_nginx_keeps_its_own(tmp_path: Path) -> None:
    made = gateway(tmp_path)
    made.prepare()
    text = made.configuration.read_text()
    assert "${TWOTOP" not in text
    assert "$remote_addr" in text
    assert "server 127.0.0.1:18001 max_fails=1 fail_timeout=1s; server 127.0.0.1:18002" in text
    assert "server 127.0.0.1:18004 max_fails=0; server 127.0.0.1:18005 max_fails=0;" in text


def test_a_variable_without_a_value_is_an_error() -> None:
    with pytest.raises(TemplateVariableMissing, match="TWOTOP_GATEWAY_LISTEN"):
        render("listen ${TWOTOP_GATEWAY_LISTEN};", {})


def test_the_container_and_the_launcher_know_the_same_variables(tmp_path: Path) -> None:
    wanted = set(re.findall(r"\$\{(TWOTOP_GATEWAY_[A-Z_]+)\}", TEMPLATE.read_text()))
    entrypoint = (TEMPLATE.parent / "entrypoint.sh").read_text()
    set_there = set(re.findall(r"^(?:export )?(TWOTOP_GATEWAY_[A-Z_]+)=", entrypoint, flags=re.MULTILINE))
    assert wanted == set(gateway(tmp_path).variables())
    assert wanted == set_there


def test_the_limits_are_off_in_the_words_that_the_services_take_for_no_and_in_no_other() -> None:
    template = TEMPLATE.read_text()
    (words,) = re.findall(r"\$twotop_limit_key \{\n\s+default \$binary_remote_addr;([^}]+)\}", template)
    off = dict(re.findall(r'^\s+(\w+) "(.*)";$', words, flags=re.MULTILINE))
    assert set(off.values()) == {""}
    assert [TypeAdapter(bool).validate_python(word) for word in off] == [False] * 6


def test_bodies_of_refusals_are_problem_documents() -> None:
    bodies = re.findall(r"return (\d{3}) '(\{\"type\".*?\})';", TEMPLATE.read_text())
    assert {status for status, _ in bodies} == {"400", "404", "405", "408", "413", "429", "503"}
    for status, body in bodies:
        problem = json.loads(body)
        assert problem["status"] == int(status)
        assert problem.keys() == {"type", "title", "status", "code", "detail", "trace_id"}


def test_the_policy_allows_sockets_to_the_public_address(tmp_path: Path) -> None:
    public = dataclasses.replace(gateway(tmp_path), public_origin="https://tables.example")
    assert public.variables()["TWOTOP_GATEWAY_SOCKET_ORIGIN"] == "wss://tables.example"
    assert gateway(tmp_path).variables()["TWOTOP_GATEWAY_SOCKET_ORIGIN"] == "ws://127.0.0.1:18080"


def test_several_instances_become_several_server_lines() -> None:
    assert upstream([1, 2]).count("server 127.0.0.1:") == 2
