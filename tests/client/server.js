// The server's promises in miniature, over a wicked road: on both ways every frame takes its own
// time, so that frames overtake each other, and some come twice.

/** A source of chance that a seed repeats. */
export function chanceFrom(seed) {
  let state = seed * 7919 + 1;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647;
  return {
    next,
    below: (limit) => Math.floor(next() * limit),
    of: (list) => list[Math.floor(next() * list.length)],
  };
}

const UPSTREAM = 1_200; // less than the lull before a move: a server that takes longer loses messages
const DOWNSTREAM = 2_500;

export class FakeServer {
  /** The share of frames that come twice. */
  doubled = 0.2;
  sockets = [];
  /** What the client under test said and the server took, by way of `signal` and `broadcast`. */
  taken = [];
  #heardAt = 0;
  #clock;
  #chance;
  #stamp = 1_000;
  #ids = 0;
  #rooms = new Map();

  constructor(clock, chance) {
    this.#clock = clock;
    this.#chance = chance;
    const server = this;
    /** @type {any} */
    this.WebSocket = class {
      onopen = null;
      onmessage = null;
      onclose = null;
      readyState = 0;
      claims = new Map();
      cut = false;
      under = 0;

      constructor() {
        server.sockets.push(this);
        server.#later(300, () => this.#opens());
      }

      #opens() {
        if (this.readyState !== 0 || this.cut) return;
        this.readyState = 1;
        this.onopen?.();
      }

      send(text) {
        server.#sent(this, JSON.parse(text));
      }

      close() {
        if (this.readyState === 3) return;
        this.readyState = 3;
        if (!this.cut) server.#later(500, () => server.#vacate(this));
      }
    };
  }

  /** How long it has been since a frame last went through the newest socket. */
  get idle() {
    return this.#clock.now() - this.#heardAt;
  }

  /** id → since, of everybody in the room. */
  roster(roomId) {
    return Object.fromEntries([...this.#room(roomId)].map(([id, { since }]) => [id, since]));
  }

  /** The ids of the seats that nobody of the client under test holds. */
  others(roomId) {
    return [...this.#room(roomId)].filter(([, seat]) => !seat.socket).map(([id]) => id);
  }

  // ---- what other people do

  arrives(roomId, id = `p${(this.#ids += 1)}`) {
    const resumed = this.#room(roomId).has(id);
    const seat = { since: this.#now(), metadata: { name: id } };
    this.#room(roomId).set(id, seat);
    this.#tell(roomId, { type: "peer-joined", roomId, peer: peerOf([id, seat]), resumed });
    return id;
  }

  leaves(roomId, id, { silently = false, reason = "left" } = {}) {
    const { since } = this.#room(roomId).get(id);
    this.#room(roomId).delete(id);
    if (!silently) this.#tell(roomId, { type: "peer-left", roomId, clientId: id, since, reason });
  }

  says(roomId, from, type, data) {
    this.#tell(roomId, { type, roomId, from, data });
  }

  // ---- what the network does

  /** The socket breaks, and both sides hear of it. */
  breaks(socket) {
    if (socket.readyState !== 1) return;
    socket.readyState = 3;
    socket.onclose?.();
    this.#later(500, () => this.#vacate(socket));
  }

  /** The socket goes silent, and nobody hears of it. */
  cuts(socket) {
    socket.cut = true;
  }

  // ---- frames

  #sent(socket, frame) {
    const at = this.#now();
    const copies = this.#chance.next() < this.doubled ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#later(UPSTREAM, () => {
        if (!socket.cut && socket.readyState === 1) this.#handle(socket, frame, at);
      });
    }
  }

  #post(socket, frame) {
    const text = JSON.stringify(frame);
    socket.under += 1;
    this.#later(DOWNSTREAM, () => {
      socket.under -= 1;
      if (!socket.cut) socket.onmessage?.({ data: text });
    });
    if (this.#chance.next() < this.doubled) {
      this.#later(DOWNSTREAM, () => {
        if (!socket.cut && socket.readyState === 1) socket.onmessage?.({ data: text });
      });
    }
  }

  #later(within, callback) {
    this.#clock.setTimeout(callback, 1 + this.#chance.below(Math.max(1, within)));
  }

  #tell(roomId, frame) {
    for (const { socket } of this.#room(roomId).values()) if (socket) this.#post(socket, frame);
  }

  #handle(socket, frame, at) {
    this.#heardAt = this.#clock.now();
    if (frame.type === "join") this.#join(socket, frame, at);
    if (frame.type === "leave") this.#leave(socket, frame);
    if (frame.type === "ping") this.#ping(socket, frame);
    if (frame.type === "signal" || frame.type === "broadcast") this.#relay(socket, frame);
  }

  #join(socket, { id, roomId, clientId, resumeToken, metadata }, at) {
    const room = this.#room(roomId);
    const wanted = resumeToken ? clientId : `me${at}`;
    const own = socket.claims.get(roomId) ?? wanted;
    socket.claims.set(roomId, own);
    const seat = room.get(own);
    if (!seat || (seat.socket !== socket && seat.since < at)) room.set(own, { since: at, metadata, socket });
    else if (seat.socket !== socket) {
      socket.claims.delete(roomId);
      return this.#post(socket, { type: "left", id, roomId, since: at, reason: "replaced" });
    }
    const { since } = room.get(own);
    const peers = [...room].filter(([other]) => other !== own).map(peerOf);
    this.#post(socket, { type: "joined", id, roomId, clientId: own, since, resumeToken: `of-${own}`, peers });
    if (seat && seat.socket !== socket) this.#replaced(seat, roomId);
  }

  #replaced({ socket, since }, roomId) {
    socket.claims.delete(roomId);
    this.#post(socket, { type: "left", roomId, since, reason: "replaced" });
    if (socket.claims.size === 0) this.#hangUp(socket);
  }

  #hangUp(socket) {
    if (socket.under > 0) return this.#later(100, () => this.#hangUp(socket));
    if (!socket.cut) this.breaks(socket);
  }

  #leave(socket, { id, roomId }) {
    const own = socket.claims.get(roomId);
    socket.claims.delete(roomId);
    const seat = this.#room(roomId).get(own);
    const mine = seat?.socket === socket;
    if (mine) this.#room(roomId).delete(own);
    const refusal = { type: "error", id, code: "not-in-room", message: "", roomId };
    this.#post(socket, mine ? { type: "left", id, roomId, since: seat.since, reason: "left" } : refusal);
  }

  #ping(socket, { id }) {
    const rooms = {};
    for (const [roomId, own] of socket.claims) {
      if (this.#room(roomId).get(own)?.socket === socket) rooms[roomId] = this.roster(roomId);
      else this.#post(socket, { type: "error", code: "not-in-room", message: "", roomId });
    }
    this.#post(socket, { type: "pong", id, rooms });
  }

  #relay(socket, { id, roomId, data }) {
    const holds = this.#room(roomId).get(socket.claims.get(roomId))?.socket === socket;
    if (holds) this.taken.push(data);
    else this.#post(socket, { type: "error", id, code: "not-in-room", message: "", roomId });
  }

  #vacate(socket) {
    for (const [roomId, own] of socket.claims) {
      if (this.#room(roomId).get(own)?.socket === socket) this.#room(roomId).delete(own);
    }
    socket.claims.clear();
  }

  #room(roomId) {
    if (!this.#rooms.has(roomId)) this.#rooms.set(roomId, new Map());
    return this.#rooms.get(roomId);
  }

  #now() {
    return (this.#stamp += 1);
  }
}

const peerOf = ([clientId, { since, metadata }]) => ({ clientId, since, metadata, connected: true });
