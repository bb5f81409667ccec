// WebCrypto answers from other threads: this counts what is under way.

let underWay = 0;

for (const name of ["encrypt", "decrypt", "deriveKey", "deriveBits", "digest", "importKey"]) {
  const real = crypto.subtle[name].bind(crypto.subtle);
  crypto.subtle[name] = (...parameters) => {
    underWay += 1;
    return real(...parameters).finally(() => (underWay -= 1));
  };
}

/** Waits until nothing is under way any more: all that follows from it has happened then. */
export async function quiet() {
  do await new Promise((resolve) => setTimeout(resolve));
  while (underWay > 0);
}
