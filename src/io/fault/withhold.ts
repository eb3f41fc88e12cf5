/**
 * Takes chosen entries out of a vector for the length of a call, so that the device below never sees them. The
 * columns of what is left are moved together and put back afterwards.
 */

/** Runs `call` with the entries for which `errnoOf` is 0; the others get that errno. The order is kept. */
export function withhold(
  vector: { count: number; readonly errno: Int32Array },
  columns: readonly Int32Array[],
  errnoOf: (entry: number) => number,
  call: () => void,
): void {
  const { count } = vector;
  const errnos = Array.from({ length: count }, (_, entry) => errnoOf(entry));
  const kept = errnos.flatMap((errno, entry) => (errno === 0 ? [entry] : []));
  const saved = columns.map((column) => column.slice(0, count));
  saved.forEach((original, c) => {
    kept.forEach((entry, i) => {
      columns[c][i] = original[entry];
    });
  });
  vector.count = kept.length;
  try {
    call();
  } finally {
    const answers = vector.errno.slice(0, kept.length);
    vector.count = count;
    saved.forEach((original, c) => {
      columns[c].set(original);
    });
    vector.errno.set(errnos);
    kept.forEach((entry, i) => {
      vector.errno[entry] = answers[i];
    });
  }
}
