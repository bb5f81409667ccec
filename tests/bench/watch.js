// Runs before any script of a page: `opened` resolves with the moment of the first open channel.
window.opened = new Promise((resolve) => {
  const note = () => resolve(performance.now());
  const watch = (channel) => {
    if (channel.readyState === "open") note();
    else channel.addEventListener("open", note);
  };
  const Native = window.RTCPeerConnection;
  const make = Native.prototype.createDataChannel;
  Native.prototype.createDataChannel = function createDataChannel(...args) {
    const channel = make.apply(this, args);
    watch(channel);
    return channel;
  };
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      this.addEventListener("datachannel", ({ channel }) => watch(channel));
    }
  };
});
