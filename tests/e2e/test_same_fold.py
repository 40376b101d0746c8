"""The phone's fold of the log and the server's rules come to the same picture, from any snapshot on: random games."""

from __future__ import annotations

import json
import random
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from session_api_testing.builders import START, created
from session_api_testing.shelves import TestShelf

from session_api.play.domain import commands as p
from session_api.play.domain.decks import CONTEXTS
from session_api.sessions.domain import commands as c
from session_api.sessions.domain.decider import Refusal, decide, evolve, record
from session_api.sessions.domain.events import SYSTEM, Recorded
from session_api.sessions.domain.state import SessionState
from session_api.sessions.domain.views import view_event_for, view_state

WEB = Path(__file__).parents[2] / "web"
GAMES, STEPS = 300, 60

COMPARE = """
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { evolve, fromSnapshot } from "%s/src/session/state";

const shown = ({ members, play, ...rest }) => ({
  ...rest,
  decks: undefined,
  pairing_ended: undefined,
  pairing: undefined,
  members: members.map((one) => [one.participant_id, one.role, one.present]),
  play: {
    ...play,
    wishes: [...play.wishes].sort((one, other) => one.participant_id.localeCompare(other.participant_id)),
    // One's own answer is in no event.
    answers: play.revealed ? play.answers : [],
  },
});

let compared = 0;
const differences = [];
for (const { game, phone, events, snapshots } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  for (const start of [0, Math.floor(snapshots.length / 3), Math.floor(snapshots.length / 2)]) {
    let picture = fromSnapshot(snapshots[start].state);
    let seq = snapshots[start].seq;
    for (const { seq: until, state } of snapshots.slice(start + 1)) {
      for (const event of events.filter((one) => one.seq > seq && one.seq <= until)) picture = evolve(picture, event);
      seq = until;
      compared += 1;
      const [ours, theirs] = [shown(picture), shown(fromSnapshot(state))];
      if (isDeepStrictEqual(ours, theirs)) continue;
      differences.push({ game, phone, from: snapshots[start].seq, seq, ours, theirs });
    }
  }
}
console.log(JSON.stringify({ compared, differences: differences.length, first: differences[0] ?? null }));
"""


class RandomGame:
    """One session whose phones press whatever they can, with what each is told of it."""

    def __init__(self, number: int) -> None:
        self.random = random.Random(number)
        self.shelf = TestShelf(size=3)
        first = created(self.random.choice(["single", "dual"]), self.random.choice([None, *CONTEXTS]))
        self.log: list[Recorded] = [first]
        self.state: SessionState = evolve(None, first)
        self.generation = 1
        self.snapshots: dict[UUID, list[dict[str, Any]]] = {}
        self.take_snapshots()

    def take_snapshots(self) -> None:
        for phone in self.state.present:
            state = view_state(self.state, phone)
            self.snapshots.setdefault(phone, []).append({"seq": self.state.last_seq, "state": state})

    def send(self, command: c.Command, actor: UUID | None) -> None:
        try:
            decided = decide(self.state, command, actor, shelf=self.shelf)
        except Refusal:
            return
        at = START + timedelta(seconds=len(self.log))
        for entry in record(self.state, decided, at, str(actor or SYSTEM), None):
            self.state = evolve(self.state, entry)
            self.log.append(entry)
        if decided:
            self.take_snapshots()

    def step(self) -> None:
        phones = sorted(self.state.present)
        some = phones if self.random.random() < 0.6 else [self.random.choice(phones)]
        match self.random.choices(range(9), (8, 10, 3, 3, 3, 5, 13, 7, 48))[0]:
            case 0:
                self.generation += 1
                self.send(c.ReplacePairingCode(self.generation, START + timedelta(hours=9)), None)
            case 1:
                self.send(c.AdmitPartner(UUID(int=self.random.getrandbits(128)), 1, self.generation), None)
            case 2:
                self.send(c.CancelPairing(self.generation), None)
            case 3:
                for phone in phones:
                    self.send(c.Leave(), phone)
            case 4:
                self.send(c.EndPairingCode(self.generation, self.random.choice(["expired", "withdrawn"])), None)
            case 5:
                self.send(p.ReleaseWishes(frozenset({some[0]})), None)
            case 6:
                for phone in phones:
                    self.send(p.OptInMature(), phone)
                    self.send(p.SetReady(True), phone)
            case 7:
                context = self.random.choice(CONTEXTS)
                for phone in some:
                    self.send(p.ChooseContext(context), phone)
            case _:
                self.play(some)

    def play(self, phones: list[UUID]) -> None:
        question = self.state.play.open_question
        if question is not None and self.random.random() < 0.4:
            self.send(p.GiveAnswer(question, self.random.choice(["left", "right"])), phones[0])
            return
        moves = [
            p.RequestNext(),
            p.RequestNext(),
            p.Skip(),
            p.Previous(),
            p.WithdrawNext(),
            p.Reveal(),
            p.StartAfresh(),
        ]
        move = self.random.choice(moves)
        for phone in phones:
            self.send(move, phone)

    def told(self, number: int) -> list[dict[str, Any]]:
        """For each phone what it reads of the log, and its snapshots."""
        return [
            {
                "game": number,
                "phone": str(phone),
                "events": [view_event_for(entry, phone).model_dump(mode="json") for entry in self.log],
                "snapshots": snapshots,
            }
            for phone, snapshots in self.snapshots.items()
        ]


def test_a_phone_that_follows_from_any_snapshot_sees_what_the_server_would_tell_it(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    for number in range(GAMES):
        game = RandomGame(number)
        for _ in range(STEPS):
            game.step()
        told += game.told(number)
    (tmp_path / "told.json").write_text(json.dumps(told), encoding="utf-8")
    (tmp_path / "compare.ts").write_text(COMPARE % WEB, encoding="utf-8")
    bundle = [str(WEB / "node_modules/.bin/rolldown"), "compare.ts", "--platform", "node", "--file", "compare.mjs"]
    subprocess.run(bundle, cwd=tmp_path, check=True, capture_output=True)
    compared = subprocess.run(
        ["node", "compare.mjs", "told.json"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    found = json.loads(compared.stdout)
    assert found["compared"] > GAMES * STEPS / 2
    assert not found["differences"], found
