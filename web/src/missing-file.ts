/**
 * What helps when a file of the app does not come. Trying again often does. But some browsers do not ask again for a module
 * that failed once (whatwg/html#6768), and after a new release the file of this page's release may be gone from the server:
 * then only a page loaded anew has it.
 */
import { backoffMs } from "./realtime/backoff";
import { current } from "./store";

const RELOAD_AFTER = 3;
const RELOADED = "twotop.reloaded";

/** The wait for the next try. The page may be loaded anew for it once in `reloadEveryMs`; null: not at all. */
export async function afterFailure(failures: number, reloadEveryMs: number | null): Promise<void> {
  if (reloadEveryMs !== null && failures >= RELOAD_AFTER) void reloadOnceIn(reloadEveryMs);
  await new Promise((resolve) => setTimeout(resolve, backoffMs(failures)));
}

/** Once in `ms`, in this tab, and not while a reload would lose what the guest is about to get. */
export async function reloadOnceIn(ms: number): Promise<void> {
  try {
    const reloadedAt = Number(sessionStorage.getItem(RELOADED) ?? 0);
    if (Date.now() - reloadedAt < ms || isOnTheWay() || !(await serverAnswers())) return;
    sessionStorage.setItem(RELOADED, String(Date.now()));
    location.reload();
  } catch {
    // A private window that cannot remember the reload: going on to try is all there is.
  }
}

/** The guest wants it so. */
export async function reloadPage(): Promise<void> {
  if (await serverAnswers()) location.reload();
}

/** Something was pressed, or a join link waits for its table: nothing but this page has it. */
function isOnTheWay(): boolean {
  const { route, tableToken, table, busy, pressed } = current();
  const arriving = tableToken !== null && table === null && route.name !== "session";
  return arriving || route.name === "joining" || busy !== null || pressed !== null;
}

/** Without a network a reload would lose the page. */
async function serverAnswers(): Promise<boolean> {
  try {
    return (await fetch(location.pathname, { method: "HEAD", cache: "no-store" })).ok;
  } catch {
    return false;
  }
}
