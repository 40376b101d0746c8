"""The committed AsyncAPI document says what the contracts say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twotop_common.asyncapi import asyncapi_document, render
from twotop_common.contracts import REGISTRY

COMMITTED = Path(__file__).parents[4] / "docs" / "api" / "asyncapi.yaml"


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(_references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(value) for value in node))
    return set()


def _resolve(document: Any, reference: str) -> Any:
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def test_committed_document_is_what_the_contracts_generate() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == render(), "run `make openapi`"


def test_the_same_contracts_give_the_same_text() -> None:
    assert render() == render()


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi_document()
    references = _references(document)
    assert references
    for reference in references:
        assert _resolve(document, reference) is not None


def test_every_message_type_has_one_sender_and_its_consumers() -> None:
    operations = asyncapi_document()["operations"]
    for entry in REGISTRY:
        assert operations[f"{entry.owner}.send.{entry.name}"]["action"] == "send"
        receivers = {name for name in operations if name.endswith(f".receive.{entry.name}")}
        assert receivers == {f"{consumer}.receive.{entry.name}" for consumer in entry.consumers}
