from pathlib import Path

from twotop_native.logs import follow


def test_each_line_carries_the_name_of_its_part(tmp_path: Path) -> None:
    (tmp_path / "pairing.log").write_text("one\ntwo\nhalf")
    (tmp_path / "nginx.log").write_text("three\n")
    lines = list(follow(tmp_path, lines=1, forever=False, colour=False))
    assert [line.split("|")[0].strip() for line in lines] == ["nginx", "pairing"]
    assert lines[1].endswith("| two")
