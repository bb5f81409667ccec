// PeerJS and y-webrtc as their own documentation has them used, but for two things: the signaling
// server is the one on this machine, and no STUN server is asked. And the floor: no server at all.

import { WebrtcProvider } from "y-webrtc";
import * as Y from "yjs";

const config = { iceServers: [] };

const heard = (emitter, event) => new Promise((resolve) => emitter.on(event, resolve));

const peerjs = {
  async wait(port) {
    const peer = new Peer({ host: "localhost", port, path: "/", config });
    peer.on("call", (call) => call.answer());
    return heard(peer, "open");
  },

  async join(port, other) {
    const peer = new Peer({ host: "localhost", port, path: "/", config });
    await heard(peer, "open");
    window.peer = peer;
    peer.connect(other);
  },

  /** A media connection is another RTCPeerConnection in PeerJS, with signals of its own. */
  async call(other) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    window.peer.call(other, stream);
  },
};

const yWebrtc = {
  async wait(port, room) {
    const { signalingConns } = yWebrtc.join(port, room);
    while (!signalingConns[0].connected) await new Promise((done) => setTimeout(done, 20));
  },

  join(port, room) {
    const signaling = [`ws://localhost:${port}`];
    return new WebrtcProvider(room, new Y.Doc(), { signaling, peerOpts: { config } });
  },
};

/** Two connections in one page, joined by function calls. */
async function floor() {
  const [one, other] = [new RTCPeerConnection(config), new RTCPeerConnection(config)];
  one.onicecandidate = ({ candidate }) => other.addIceCandidate(candidate);
  other.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
  one.createDataChannel("floor");
  await one.setLocalDescription();
  await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription();
  await one.setRemoteDescription(other.localDescription);
}

Object.assign(window, { peerjs, yWebrtc, floor, ready: true });
