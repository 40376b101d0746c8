/** The network is away for longer than a blink: known to everything inside a session that would ask something of it. */
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { say, useApp, useStrings } from "../store";

const BLINK_MS = 4_000;
const Lost = createContext(false);

export function useLost(): boolean {
  return useContext(Lost);
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
  return <Lost.Provider value={lost}>{children}</Lost.Provider>;
}

/** Why the buttons here take no press. */
export function NoNetwork() {
  const { game } = useStrings();
  return useLost() ? (
    <p class="hint no-network" data-testid="no-network">
      {game.noNetwork}
    </p>
  ) : null;
}
