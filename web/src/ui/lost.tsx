/**
 * Why nothing can be asked of the server now: the network is away for longer than a blink, or another tab has the session.
 * Known to everything inside a session that would ask.
 */
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { say, useApp, useStrings } from "../store";

type Reason = "network" | "replaced";

const BLINK_MS = 4_000;
const Off = createContext<Reason | null>(null);

/** The network is away. */
export function useLost(): boolean {
  return useContext(Off) === "network";
}

/** What is pressed now could not be sent. */
export function useOff(): boolean {
  return useContext(Off) !== null;
}

export function WatchNetwork({ children }: { children: ComponentChildren }) {
  const { connection, strings } = useApp();
  const away = connection === "offline" || connection === "reconnecting";
  const [long, setLong] = useState(false);
  useEffect(() => {
    if (!away) return setLong(false);
    const timer = setTimeout(() => setLong(true), BLINK_MS);
    return () => clearTimeout(timer);
  }, [away]);
  const lost = away && (long || connection === "offline");
  const back = connection === "live" || connection === "polling";
  const missed = useRef(false);
  useEffect(() => {
    if (!lost) return;
    missed.current = true;
    say(`${strings.game.offlineTitle}. ${strings.game.noNetwork}`);
  }, [lost]);
  useEffect(() => {
    if (!back || !missed.current) return;
    missed.current = false;
    say(strings.connection.live);
  }, [back]);
  const off = lost ? "network" : connection === "replaced" ? "replaced" : null;
  return <Off.Provider value={off}>{children}</Off.Provider>;
}

/** Why the buttons here take no press. Of another tab the line at the top tells, with the way back. */
export function NoNetwork() {
  const { game } = useStrings();
  return useLost() ? (
    <p class="hint no-network" data-testid="no-network">
      {game.noNetwork}
    </p>
  ) : null;
}
