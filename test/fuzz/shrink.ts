/** Runs that are made to find a smaller input. */
const MOST_RUNS = 400;

/** The smallest input that `fails`, made of `input` by leaving out bytes, and by setting them to 0. */
export async function smallest(
  input: Uint8Array,
  fails: (smaller: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  let runs = 0;
  for (let size = best.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < best.length && runs < MOST_RUNS; runs++) {
      const rest = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (await fails(Uint8Array.from(rest))) best = Uint8Array.from(rest);
      else at += size;
    }
  }
  for (let at = 0; at < best.length && runs < MOST_RUNS; at++) {
    if (best[at] === 0) continue;
    const zeroed = best.slice().fill(0, at, at + 1);
    runs++;
    if (await fails(zeroed)) best = zeroed;
  }
  return best;
}
