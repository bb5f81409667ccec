// Who is in a room, as far as one of its members was told. No sockets, no clock: news in, changes
// out. Three rules make it immune to news that comes late, twice or in the wrong order:
//
// Rule 1: `since`, stamped by the server when a seat is taken, orders the news about one member.
//         A `peer-joined` not newer than what is known, or than the last leave, is old; so is a
//         `peer-left` older than the seat that is known.
// Rule 2: a list (in `joined` or `pong`) speaks only for those heard of before it was asked for.
//         Who was heard of later may have come after the list was made, and stays.
// Rule 3: a list never brings back who is known to have left that seat.

/**
 * @typedef {object} PeerInfo what the server tells about a member of a room
 * @property {string} clientId
 * @property {number} since
 * @property {Record<string, any> | null} metadata null as long as nobody told
 * @property {boolean} connected false: the seat is reserved, nobody listens there yet
 *
 * @typedef {{type: "peer-joined", peer: PeerInfo, resumed: boolean}
 *   | {type: "peer-resumed", peer: PeerInfo}
 *   | {type: "peer-changed", peer: PeerInfo}
 *   | {type: "peer-left", clientId: string, since: number, reason: string}} Change
 */

export class Roster {
  #heard = 0;
  /** @type {Map<string, {peer: PeerInfo, heard: number}>} */
  #members = new Map();
  /** @type {Map<string, number>} the newest seat that each of the departed is known to have left */
  #departures = new Map();

  /** @returns {PeerInfo[]} */
  get peers() {
    return [...this.#members.values()].map((member) => member.peer);
  }

  /** A moment in the order of news, to be taken when a list is asked for (rule 2). */
  mark() {
    return this.#heard;
  }

  /**
   * Somebody took a seat.
   *
   * @param {PeerInfo} peer
   * @param {boolean} [resumed]
   * @returns {Change[]}
   */
  arrive(peer, resumed = false) {
    const known = this.#members.get(peer.clientId)?.peer;
    if (known?.since === peer.since) return this.#complete(known, peer);
    if (peer.since <= this.#horizon(peer.clientId)) return [];
    const complete = { ...peer, metadata: peer.metadata ?? known?.metadata ?? null };
    this.#heard += 1;
    this.#members.set(peer.clientId, { peer: complete, heard: this.#heard });
    if (known) return [{ type: "peer-resumed", peer: complete }];
    return [{ type: "peer-joined", peer: complete, resumed }];
  }

  /**
   * Somebody left the seat taken at `since`.
   *
   * @param {string} clientId
   * @param {number} since
   * @param {string} reason
   * @returns {Change[]}
   */
  depart(clientId, since, reason) {
    if (since < this.#horizon(clientId)) return [];
    this.#departures.set(clientId, since);
    const known = this.#members.delete(clientId);
    return known ? [{ type: "peer-left", clientId, since, reason }] : [];
  }

  /**
   * The server's list, asked for at `mark`.
   *
   * @param {PeerInfo[]} peers
   * @param {number} mark
   * @returns {Change[]}
   */
  reconcile(peers, mark) {
    const listed = new Set(peers.map((peer) => peer.clientId));
    const missing = [...this.#members.values()].filter(
      ({ peer, heard }) => heard <= mark && !listed.has(peer.clientId),
    );
    return [
      ...missing.flatMap(({ peer }) => this.depart(peer.clientId, peer.since, "expired")),
      ...peers.flatMap((peer) => this.arrive(peer)),
    ];
  }

  /** @param {string} clientId */
  #horizon(clientId) {
    const seat = this.#members.get(clientId)?.peer.since ?? -Infinity;
    return Math.max(seat, this.#departures.get(clientId) ?? -Infinity);
  }

  /**
   * A member first seen in a `pong` has no metadata until `peer-joined` or `joined` tells it.
   *
   * @param {PeerInfo} known
   * @param {PeerInfo} told
   * @returns {Change[]}
   */
  #complete(known, told) {
    if (known.metadata !== null || told.metadata === null) return [];
    Object.assign(known, told);
    return [{ type: "peer-changed", peer: known }];
  }
}
