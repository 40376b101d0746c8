/** What only a session needs. One file of its own, so that the first view does not wait for it. */
import "./styles/game.css";

export { SessionFollower } from "./realtime/follow";
export { Session } from "./screens/Session";
