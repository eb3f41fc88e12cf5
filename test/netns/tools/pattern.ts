/** The i-th byte of what send-segmented sends: no period that a datagram's size could hide behind. */
export function pattern(i: number): number {
  return (Math.imul(i, 2654435761) >>> 24) & 0xff;
}
