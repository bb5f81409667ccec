// What only those need who talk: loaded on the way into a room, so that the page itself opens fast.
// A feature is a module with `attach(room)`, called before anything of the room is known: it listens to the
// room (`link`, `peer`, `envelope`, `left`), owns its corner of the page, and cleans up on `left`.

/** @typedef {{attach: (room: import("../room.js").Room) => void}} Feature */

/** @returns {Promise<Feature[]>} */
export const loadFeatures = () => {
  return Promise.all([
    import("./call.js"),
    import("./files.js"),
    import("./sealing.js"), import("./door.js"),
    import("./safety.js"),
    import("./relay.js"),
    import("./details.js"),
  ]);
};
