// Where the tests of signaling play: a clock, sockets, and a server that says what the test says.

import { Signaling } from "../../client/signaling.js";
import { FakeClock, fakeWebSockets, hear } from "./fakes.js";

const PEERS = ["peer-joined", "peer-resumed", "peer-changed", "peer-left"];
const EVENTS = ["joined", ...PEERS, "signal", "broadcast", "left", "error"];

/** Nothing has happened yet. */
export function start(options = {}) {
  const clock = new FakeClock();
  const page = new EventTarget();
  const { WebSocket, sockets } = fakeWebSockets();
  const network = Object.assign(new EventTarget(), { type: "wifi" });
  const parts = { WebSocket, page, network, clock, ...options };
  const signaling = new Signaling("ws://desk/ws", parts);
  const heard = hear(signaling, ...EVENTS);
  return { clock, page, network, sockets, signaling, heard, socket: () => sockets.at(-1) };
}

export const peer = (clientId, since, metadata = {}) => ({ clientId, since, metadata, connected: true });

export function joinedFrame(request, more = {}) {
  return {
    type: "joined",
    id: request.id,
    protocol: 1,
    roomId: request.roomId ?? "made-by-server",
    clientId: "me",
    since: 100,
    resumeToken: "token",
    peers: [],
    iceServers: [{ urls: "stun:example.org" }],
    ...more,
  };
}

/** In the room `garden`, with the peers given. */
export async function enter(more = {}, options = {}) {
  const parts = start(options);
  const joining = parts.signaling.join("garden", { metadata: { name: "Ada" } });
  parts.socket().opens();
  parts.socket().says(joinedFrame(parts.socket().last("join"), more));
  const joined = await joining;
  parts.heard.length = 0;
  return { ...parts, joined };
}

/** The answer to the latest ping. */
export function pong(socket, rooms) {
  socket.says({ type: "pong", id: socket.last("ping").id, rooms });
}

/** A new socket after a loss. */
export async function reopened({ clock, socket }) {
  await clock.advance(15_000);
  return socket().opens();
}

/** Whom `signaling` sees in the room `garden`. */
export const peersOf = (signaling) => signaling.peers("garden").map(({ clientId }) => clientId).sort();
