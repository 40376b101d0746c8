"""nginx, for real, in front of stand-ins for the services."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from twotop_native.gateway import Gateway, publish_web
from twotop_native.paths import checkout_root
from twotop_native.ports import PortAllocator
from twotop_native.processes import ProcessId, Program, stop, wait_ready
from twotop_native.servers import find_program, user_for
from twotop_native.stack import answers_ready

pytestmark = pytest.mark.integration
STAND_IN = Path(__file__).with_name("stand_in.py")
SESSION = "/api/v1/sessions/{}7b8c9d-1111-4222-8333-444455556666"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    # nginx's workers run as a user of their own and have to reach the files.
    folder = tmp_path_factory.mktemp("gateway")
    for parent in (folder, *folder.parents):
        if parent.owner() == Path("/tmp").owner() and parent != Path("/tmp") and parent != Path("/"):
            parent.chmod(0o755)
    built = folder / "built"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>app</title>")
    (built / "assets" / "app-1a2b.js").write_text("x" * 2000)
    subprocess.run(["gzip", "-k", str(built / "assets" / "app-1a2b.js")], check=True)
    publish_web(built, folder / "web")
    ports = PortAllocator()
    names = {"session-1": ports.take(), "session-2": ports.take(), "pairing": ports.take(), "realtime": ports.take()}
    nginx = find_program("nginx")
    assert nginx is not None
    made = Gateway(
        nginx=nginx,
        template=checkout_root() / "deploy" / "gateway" / "nginx.conf.template",
        folder=folder / "nginx",
        web_root=folder / "web",
        port=ports.take(),
        user=user_for("nginx"),
        session_api=[names["session-1"], names["session-2"]],
        pairing=[names["pairing"]],
        realtime_gateway=[names["realtime"]],
        requests_per_second=1000,
    )
    made.prepare()
    programs = [
        Program(name, [sys.executable, str(STAND_IN), name, str(port)], ready=lambda port=port: answers_ready(port))
        for name, port in names.items()
    ]
    programs.append(made.program())
    started = []
    try:
        for program in programs:
            child = program.start(folder / f"{program.name}.log", dies_with_parent=True)
            started.append((program, ProcessId.of(child.pid)))
        wait_ready(started)
        yield made
    finally:
        for program, process in started:
            stop(process, program.stop_signal)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url) as http:
        yield http


def test_the_configuration_passes_nginx_own_check(gateway: Gateway) -> None:
    command = [str(gateway.nginx), "-e", "stderr", "-t", "-c", str(gateway.configuration)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_another_server_on_its_port_is_not_taken_for_this_one(gateway: Gateway, tmp_path: Path) -> None:
    late = replace(gateway, folder=tmp_path / "nginx")
    assert gateway.program().ready()
    assert not late.program().ready()


@pytest.mark.parametrize("prefix", ["/api", "/api/v1"])
def test_pairing_has_its_two_paths_and_session_api_the_others(client: httpx.Client, prefix: str) -> None:
    assert client.post(f"{prefix}/sessions/join-dual").json()["name"] == "pairing"
    assert client.post(f"{prefix}/sessions/abc/pairing-code").json()["name"] == "pairing"
    assert client.delete(f"{prefix}/sessions/abc/pairing-code").json()["name"] == "pairing"
    for path in ("/sessions", "/sessions/abc", "/sessions/abc/events", "/tables/x", "/sessions/join-dual/x"):
        assert client.get(f"{prefix}{path}").json()["name"].startswith("session-")


def test_sockets_go_to_the_realtime_gateway(client: httpx.Client) -> None:
    headers = {"Upgrade": "websocket", "Sec-WebSocket-Key": "k", "Sec-WebSocket-Version": "13", "Origin": "http://a"}
    seen = client.get("/ws/sessions/abc", headers=headers).json()
    assert seen["name"] == "realtime"
    for name, value in {**headers, "Connection": "upgrade"}.items():
        assert seen["headers"][name] == value


@pytest.mark.parametrize(
    "path",
    [
        "/internal/heads",
        "/api/../internal/heads",
        "/api/%2e%2e/internal/heads",
        "//internal/heads",
        "/health",
        "/metrics",
    ],
)
def test_what_is_internal_is_not_reachable(gateway: Gateway, path: str) -> None:
    raw = f"{gateway.url}{path}"
    done = subprocess.run(["curl", "-s", "--path-as-is", "-X", "POST", raw], capture_output=True, text=True, check=True)
    assert '"pid"' not in done.stdout
    seen = httpx.get(raw)
    assert seen.status_code == 404
    assert seen.json()["code"] == "not_found"


def test_all_requests_of_a_session_meet_in_one_instance(client: httpx.Client) -> None:
    served = set()
    for number in range(64):
        shard = SESSION.format(f"{number * 4:02x}")
        here = {client.get(f"{path}").json()["name"] for path in (shard, f"{shard}/events", f"{shard}/snapshot")}
        here |= {client.get(shard.replace("/v1", "")).json()["name"]}
        assert len(here) == 1
        served |= here
    assert served == {"session-1", "session-2"}


def test_only_the_gateway_says_who_the_client_is(client: httpx.Client) -> None:
    forged = {
        "X-Twotop-Client": "203.0.113.7",
        "X-Forwarded-For": "203.0.113.7",
        "X-Real-IP": "203.0.113.7",
        "Forwarded": "for=203.0.113.7",
        "X-Twotop-Role": "staff",
        "User-Agent": "somebody",
        "Cookie": "a=b",
    }
    kept = {
        "Authorization": "Bearer x",
        "Idempotency-Key": "k",
        "If-None-Match": '"e"',
        "Content-Type": "application/json",
    }
    seen = client.post("/api/v1/sessions", headers={**forged, **kept}, content="{}").json()["headers"]
    assert seen["X-Twotop-Client"] == "127.0.0.1"
    assert "203.0.113.7" not in str(seen)
    assert "somebody" not in str(seen)
    assert not {"Cookie", "X-Twotop-Role", "X-Forwarded-For"} & set(seen)
    for name, value in kept.items():
        assert seen[name] == value


@pytest.mark.parametrize("path", ["/api/v1/sessions", "/api/v1/sessions/join-dual", "/ws/sessions/abc"])
def test_a_guest_does_not_decide_what_is_traced(client: httpx.Client, path: str) -> None:
    sampled = {"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate": "a=b"}
    seen = client.post(path, headers=sampled, content="{}").json()["headers"]
    assert not sampled.keys() & seen.keys()


def test_upstream_connections_are_kept(client: httpx.Client) -> None:
    assert "Connection" not in client.get("/api/v1/sessions").json()["headers"]


def test_the_app_is_served_for_its_addresses_with_a_strict_policy(client: httpx.Client) -> None:
    for path in ("/", "/t/some-token"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<title>app" in page.text
        assert page.headers["Cache-Control"] == "no-cache"
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "img-src 'self';" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Server"] == "nginx"


def test_assets_are_sent_compressed_and_kept_for_ever(client: httpx.Client) -> None:
    asset = client.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert asset.headers["Content-Encoding"] == "gzip"
    assert "immutable" in asset.headers["Cache-Control"]
    assert asset.text == "x" * 2000


def test_what_is_not_there_is_a_problem_document(client: httpx.Client) -> None:
    for path in ("/nothing", "/assets/none.js"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["trace_id"]


def test_a_body_over_64_kb_is_refused(client: httpx.Client) -> None:
    answer = client.post("/api/v1/sessions", content=b"x" * 65_537)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


def test_a_service_own_refusal_passes_unchanged(client: httpx.Client) -> None:
    answer = client.get("/api/v1/unwell")
    assert answer.status_code == 503
    assert answer.json()["name"].startswith("session-")


def test_the_gateway_answers_for_itself(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_no_address_and_no_url_is_logged(gateway: Gateway, client: httpx.Client) -> None:
    client.get("/api/v1/unwell", params={"secret": "canary-in-url"})
    client.get("/canary-in-url")
    log = (gateway.folder.parent / "nginx.log").read_text()
    assert '"route":"api"' in log
    assert "canary-in-url" not in log
    assert "127.0.0.1" not in log
