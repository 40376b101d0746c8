"""What dashboards and alerts ask is answered by a Prometheus that has scraped the real system while guests played."""

from __future__ import annotations

import re
from pathlib import Path

from twotop_e2e.following import SocketFollower
from twotop_e2e.phone import Phone, code_of
from twotop_e2e.prometheus import Prometheus, alert_rules, graphs, scraping
from twotop_e2e.stack import HURRY, Stack

from twotop_common.testing.eventually import eventually

# Of these nothing happens while two guests play and all is well.
QUIET_PANELS = frozenset(
    {
        "Decks finished",
        "Gap fetches",
        "Head comparisons",
        "New codes",
        "Phones gone",
        "Presence without Redis",
        "Rate limits",
        "Resyncs",
    }
)
METRIC = re.compile(r"\b(?:(?:twotop|process)_\w+|up(?={))")
PART = re.compile(r"_(?:bucket|count|sum)$")
MATCHER = re.compile(r"(\w+)(?:=~|!~|!=|=)\"")
GROUPING = re.compile(r"by \(([^)]*)\)")


async def an_evening(stack: Stack) -> None:
    """A wrong table, a wrong code, two phones on sockets that play three questions, a session that nobody begins."""
    table = stack.fresh_table()
    async with Phone(stack) as nobody, Phone(stack) as a, Phone(stack) as b:
        await nobody.start(stack.fresh_table(HURRY), mode="single")
        assert code_of(await a.try_start("no-such-table")) == "table_not_found"
        await a.start(table, context="exploring")
        assert code_of(await b.try_join(table, code="AAAAAA")) == "code_invalid"
        await b.join(table, code=a.code)
        async with SocketFollower(a) as on_a, SocketFollower(b) as on_b:
            await on_b.until_type("partner_joined")
            for command in ("set_ready", "request_next", "skip"):
                for follower in (on_a, on_b):
                    answer = await follower.command(command, {"ready": True} if command == "set_ready" else {})
                    assert "rejected" not in answer
            for follower in (on_a, on_b):
                await follower.until(
                    lambda seen=follower.seen: [e["type"] for e in seen].count("question_shown") == 3,
                    what="three questions",
                )
            await a.close_session()
            await on_b.until(lambda: on_b.ended, what="the socket of an ended session stays")
        await eventually(lambda: has_expired(nobody))


async def has_expired(phone: Phone) -> bool:
    return bool((await phone.session())["state"] == "expired")


async def test_a_played_evening_shows_in_every_graph_and_in_no_critical_alert(stack: Stack, tmp_path: Path) -> None:
    async with scraping(stack, tmp_path) as prometheus:
        # A rate needs a series that was there before: the first evening makes them, the second one lets them rise.
        await an_evening(stack)
        await eventually(lambda: every_played_metric_is_there(prometheus))
        await an_evening(stack)
        await every_graph_shows_something(prometheus)
        await every_name_in_an_expression_is_real(prometheus)
        await every_rule_was_evaluated(prometheus)


async def every_played_metric_is_there(prometheus: Prometheus) -> bool:
    # A session's own limit, not the code of another test's pair.
    wanted = ["twotop_question_moves_total", 'twotop_deadline_lateness_seconds_count{kind="session"}']
    return all([await prometheus.series(metric) for metric in wanted])


async def every_graph_shows_something(prometheus: Prometheus) -> None:
    """Each expression is answered, with data where the evenings must have made some."""
    empty = graphs()

    async def shown() -> bool:
        empty[:] = [graph for graph in empty if not await prometheus.query(graph.expression)]
        empty[:] = [graph for graph in empty if graph.panel not in QUIET_PANELS]
        assert [str(graph) for graph in empty] == []
        return True

    await eventually(shown, timeout_s=15, interval_s=0.2)


async def every_name_in_an_expression_is_real(prometheus: Prometheus) -> None:
    """A misspelt metric or label is no error to Prometheus, only silence."""
    expressions = {str(graph): graph.expression for graph in graphs()}
    expressions |= {name: rule["expr"] for name, rule in alert_rules().items()}
    announced = set(await prometheus.get("metadata")) | {"up"}
    unknown = []
    for name, text in expressions.items():
        metrics = set(METRIC.findall(text))
        unknown += [f"{name}: {metric}" for metric in metrics if PART.sub("", metric) not in announced]
        series = [labels for metric in metrics for labels in await prometheus.series(metric)]
        asked = {label for group in GROUPING.findall(text) for label in group.split(", ")} | set(MATCHER.findall(text))
        if series:
            unknown += [f"{name}: {label}" for label in asked - {label for labels in series for label in labels}]
    assert unknown == []


async def every_rule_was_evaluated(prometheus: Prometheus) -> None:
    async def evaluated() -> bool:
        groups = (await prometheus.get("rules", type="alert"))["groups"]
        rules = {rule["name"]: rule for group in groups for rule in group["rules"]}
        assert rules.keys() == alert_rules().keys()
        assert [rule for rule in rules.values() if rule.get("lastError")] == []
        troubled = [n for n, rule in rules.items() if rule["alerts"] and rule["labels"]["severity"] == "critical"]
        assert troubled == []
        return all(rule["health"] == "ok" for rule in rules.values())

    await eventually(evaluated)
