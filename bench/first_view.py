"""What the guest app's first view weighs on the wire: the page and all it names, as the gateway compresses it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.wire import Answer, HttpClient

NAMED = re.compile(rb"""(?:src|href)=["'](/[^"'#]+\.(?:js|mjs|css|woff2|svg|png|ico|webmanifest))["']""")
FONT = re.compile(rb"""url\(["']?(/[^"')]+latin[^"')]*\.woff2)""")
IMPORTED = re.compile(rb"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")


@dataclass(frozen=True)
class FirstView:
    """Bytes by path, bodies as sent."""

    parts: dict[str, int]

    @property
    def kilobytes(self) -> float:
        return sum(self.parts.values()) / 1000


async def first_view(gateway: str, table_token: str) -> FirstView:
    """Fetch the page of a table and what it loads before a guest can act.

    Icons count where the page names them; of the fonts only the Latin one, for a page fetches those it has letters of.
    """
    http = HttpClient(gateway)
    page = f"/t/{table_token}"
    parts: dict[str, int] = {}
    waiting = [page]
    while waiting:
        path = waiting.pop()
        if path in parts:
            continue
        sent = await _get(http, path, "gzip")
        parts[path] = len(sent.body)
        readable = (await _get(http, path, "identity")).body
        if path == page:
            waiting += [name.decode() for name in NAMED.findall(readable)]
        elif path.endswith(".js"):
            folder = path.rsplit("/", 1)[0]
            waiting += [f"{folder}/{name.decode()}" for name in IMPORTED.findall(readable)]
        elif path.endswith(".css"):
            waiting += [name.decode() for name in FONT.findall(readable)]
    http.close()
    return FirstView(parts)


async def _get(http: HttpClient, path: str, encoding: str) -> Answer:
    answer = await http.request("GET", path, headers={"Accept-Encoding": encoding})
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return answer
