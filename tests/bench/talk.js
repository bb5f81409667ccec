// Runs before any script of a page of Parley's: two who talk by the SDK alone, without the page.

/**
 * Joins with a microphone and a camera that are on: as the SDK's Media sends them, or (`plain`) as
 * tracks that are there before the first offer.
 */
window.talk = async (roomId, plain) => {
  const paths = ["/signaling.js", "/room.js", "/media.js"];
  const modules = await Promise.all(paths.map((path) => import(path)));
  const [{ Signaling }, { Room }, { Media }] = modules;
  const { websocket } = await (await fetch("/config.json")).json();
  const room = (window.stay = new Room(new Signaling(websocket)));
  if (plain) await addTracks(room);
  else {
    const media = new Media(room);
    await media.start("microphone");
    await media.start("camera");
  }
  await room.join(roomId);
};

async function addTracks(room) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  room.on("link", ({ peer }) => {
    for (const track of stream.getTracks()) peer.connection.addTrack(track, stream);
  });
}

/** The kinds of media of which anything has come. */
window.heard = async () => {
  const [{ clientId }] = window.stay.peers;
  const stats = await window.stay.link(clientId).connection.getStats();
  const coming = [...stats.values()].filter((s) => s.type === "inbound-rtp" && s.packetsReceived > 0);
  return [...new Set(coming.map(({ kind }) => kind))].sort().join(" and ");
};

/** The kinds of candidates that were found here. */
window.gathered = async () => {
  const [{ clientId }] = window.stay.peers;
  const stats = await window.stay.link(clientId).connection.getStats();
  const local = [...stats.values()].filter((s) => s.type === "local-candidate");
  return [...new Set(local.map(({ candidateType }) => candidateType))].sort();
};
