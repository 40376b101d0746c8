"""What is wrong with a question file is told with file, line and reason, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from session_api.data_file import DataFileInvalid
from session_api.play.question_file import QuestionFile, read_question_file, read_question_files

GOOD = """\
context: exploring
version: 1
languages: [en, de]
questions:
  - id: lost-key
    kind: open
    text: {en: "Which key would you miss most?", de: "Welcher Schlüssel würde dir am meisten fehlen?"}
  - id: sea-or-hills
    kind: choice
    text: {en: "Sea or hills, and why?", de: "Meer oder Berge, und warum?"}
    choices:
      - id: sea
        text: {en: "Sea", de: "Meer"}
      - id: hills
        text: {en: "Hills", de: "Berge"}
"""


def read(tmp_path: Path, text: str) -> QuestionFile:
    path = tmp_path / "set.yaml"
    path.write_text(text, encoding="utf-8")
    return read_question_file(path)


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(DataFileInvalid) as invalid:
        read(tmp_path, text)
    return [fault.removeprefix(f"{tmp_path}/") for fault in invalid.value.faults]


def test_a_good_file_is_read(tmp_path: Path) -> None:
    file = read(tmp_path, GOOD)
    assert [question.id for question in file.questions] == ["lost-key", "sea-or-hills"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("context: exploring", "context: dating", "set.yaml:1: context: Input should be 'exploring', 'established'"),
        ("version: 1", "version: 0", "set.yaml:2: version: "),
        ("kind: open", "kind: riddle", "set.yaml:6: questions.0.kind: "),
        ("kind: open", "kind: choice", "set.yaml:5: questions.0: a question of kind choice has choices"),
        ("id: sea-or-hills", "id: lost-key", "set.yaml:8: questions.1.id: question given twice: lost-key"),
        ("- id: hills", "- id: sea", "set.yaml:14: questions.1.choices.1.id: choice given twice: sea"),
        (', de: "Meer"', "", "set.yaml:13: questions.1.choices.0.text: has en, not en, de"),
        (', de: "Meer oder', ', vi: "Meer oder', "set.yaml:10: questions.1.text: has en, vi, not en, de"),
        ("kind: open", "kind: open\n    hint: {en: Any}", "set.yaml:7: questions.0.hint: has en, not en, de"),
        (
            "Sea or hills, and why?",
            "Which key would you miss most now?",
            "set.yaml:10: questions.1.text.en: is nearly the same as lost-key",
        ),
        (
            "Meer oder Berge, und warum?",
            "Welcher Schlüssel würde dir nun am meisten fehlen?",
            "set.yaml:10: questions.1.text.de: is nearly the same as lost-key",
        ),
        ("id: lost-key", "id: Lost Key", "set.yaml:5: questions.0.id: "),
        ("kind: open", "kind: open\n    mood: sad", "set.yaml:7: questions.0.mood: "),
        ("id: lost-key", "id: 2024-13-45", "set.yaml:5: month must be in 1..12; text that looks like a date"),
        ("id: lost-key", "id: " + "9" * 5000, "set.yaml:5: "),
        ("version: 1", "version: 3000000000", "set.yaml:2: version: "),
        ("version: 1", "version: true", "set.yaml:2: version: "),
        ("version: 1", "version: '1'", "set.yaml:2: version: "),
        ("[en, de]", "[en, de, en]", "set.yaml:3: languages: language given twice: en"),
        ('"Sea"', '" "', "set.yaml:13: questions.1.choices.0.text.en: must have more than spaces"),
        ('"Sea"', '"Sea "', "set.yaml:13: questions.1.choices.0.text.en: must not begin or end with a space"),
        ("Hills", "SEA", "set.yaml:15: questions.1.choices.1.text.en: choice given twice: SEA"),
        ('"Berge"', '"Meer"', "set.yaml:15: questions.1.choices.1.text.de: choice given twice: Meer"),
        ("[en, de]", "&itself [*itself]", "set.yaml:3: *itself is an alias; write out what it stands for"),
        ("[en, de]", "[" * 20_000, "set.yaml:"),
        ("lost-key", "lost\u0007key", "set.yaml:5: has the character U+0007, which YAML does not take"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    (told,) = faults(tmp_path, GOOD.replace(old, new, 1))
    assert told.startswith(fault)


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD
    for old, new in (
        ("version: 1", "version: x"),
        ("kind: open", "kind: riddle"),
        ("id: sea-or-hills", "id: lost-key"),
        ("Sea or hills, and why?", "Which key would you miss most now?"),
        (', de: "Meer"', ""),
        ('"Hills", de: "Berge"', '" "'),
    ):
        text = text.replace(old, new, 1)
    assert [fault.split(" ")[:2] for fault in faults(tmp_path, text)] == [
        ["set.yaml:2:", "version:"],
        ["set.yaml:6:", "questions.0.kind:"],
        ["set.yaml:8:", "questions.1.id:"],
        ["set.yaml:10:", "questions.1.text.en:"],
        ["set.yaml:13:", "questions.1.choices.0.text:"],
        ["set.yaml:15:", "questions.1.choices.1.text.en:"],
        ["set.yaml:15:", "questions.1.choices.1.text:"],
    ]


@pytest.mark.parametrize(
    "text",
    ["", "7", "[]", "languages: 7\nquestions: {}", "languages: [[en], 7]\nquestions: [7, {id: [a], choices: [[]]}]"],
)
def test_what_is_no_question_set_at_all_is_refused(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, text)


def test_a_set_whose_languages_are_wrong_is_not_told_of_every_text(tmp_path: Path) -> None:
    assert len(faults(tmp_path, GOOD.replace("[en, de]", "[en, German]"))) == 1


def test_the_faults_of_several_files_are_told_at_once(tmp_path: Path) -> None:
    texts = {"one": GOOD.replace("version: 1", "version: 0"), "two": GOOD, "three": "[]"}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataFileInvalid) as invalid:
        read_question_files(tmp_path / f"{name}.yaml" for name in texts)
    assert [fault.removeprefix(f"{tmp_path}/").split(":")[0] for fault in invalid.value.faults] == [
        "one.yaml",
        "three.yaml",
    ]


def test_bytes_that_are_no_text_are_told_with_every_line_that_has_some(tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_bytes(GOOD.replace("lost-key", "lost\0key").encode("latin-1"))
    with pytest.raises(DataFileInvalid) as invalid:
        read_question_file(path)
    assert [fault.removeprefix(f"{tmp_path}/") for fault in invalid.value.faults] == [
        "set.yaml:5: has the character U+0000, which YAML does not take",
        "set.yaml:7: is not UTF-8 text: byte 0xfc",
    ]


def test_aliases_of_aliases_are_refused_before_anybody_counts_them(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{deep}: &a{deep} [{', '.join([f'*a{deep - 1}'] * 10)}]" for deep in range(1, 30)]
    assert faults(tmp_path, "\n".join(lines)) == ["set.yaml:2: *a0 is an alias; write out what it stands for"]


@pytest.mark.parametrize(
    ("language", "text", "other", "alike"),
    [
        ("vi", "Món nào hai bạn nhớ nhất?", "Hai bạn nhớ món nào nhất?", True),
        ("vi", "Món nào hai bạn nhớ nhất?", "Nơi nào hai bạn mong trở lại?", False),
        ("ja", "なぜですか?", "なぜですか?", True),
        ("ja", "なぜですか?", "いつですか?", False),
        ("en", "Sea or hills, and why?", "Which hills did you climb as a child?", False),
    ],
)
def test_questions_are_compared_in_every_language_as_it_is_written(
    tmp_path: Path, language: str, text: str, other: str, alike: bool
) -> None:
    head = f"context: exploring\nversion: 1\nlanguages: [eo, {language}]\nquestions:\n"
    pair = (("one", "Kie vi loĝis infanaĝe?", text), ("two", "Kiun kanton vi kantas plej ofte?", other))
    entries = [f'  - {{id: {one}, kind: open, text: {{eo: "{eo}", {language}: "{its}"}}}}\n' for one, eo, its in pair]
    content = head + "".join(entries)
    if not alike:
        assert read(tmp_path, content).questions
        return
    fault = f"set.yaml:6: questions.1.text.{language}: is nearly the same as one"
    assert faults(tmp_path, content) == [fault]
