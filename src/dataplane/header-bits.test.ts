// Of two packets that would be merged, one bit of the second one's headers is another: whichever it is, both leave as they
// came, but for the few bits that may differ within a super-frame.
import test from 'ava';
import { OFFLOAD_USO4, OFFLOAD_USO6 } from '../offload/offloads.js';
import { buildFrame, concat, type FrameSpec, naiveSum, noise } from '../offload/test-frames.js';
import { Harness, OFFLOADS, redirect, TAP0, unset, VXLAN0, vxlan } from './harness.test.helper.js';

const ETHERNET = 14;
const PAYLOAD = 100;

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}

/** Both checksums by the letter, as if the headers said what they should. */
function repair(frame: Uint8Array, l3: number, l4: number, isV4: boolean, isTcp: boolean): void {
  if (isV4) {
    put16(frame, l3 + 10, 0);
    put16(frame, l3 + 10, ~naiveSum(frame.slice(l3, l4)) & 0xffff);
  }
  const field = l4 + (isTcp ? 16 : 6);
  put16(frame, field, 0);
  const segment = frame.slice(l4);
  const addresses = isV4 ? frame.slice(l3 + 12, l3 + 20) : frame.slice(l3 + 8, l3 + 40);
  const pseudo = concat(addresses, Uint8Array.of(0, isTcp ? 6 : 17, segment.length >> 8, segment.length & 0xff));
  const sum = ~naiveSum(concat(pseudo, segment)) & 0xffff;
  put16(frame, field, sum === 0 && !isTcp ? 0xffff : sum);
}

for (const protocol of ['tcp', 'udp'] as const) {
  for (const [name, given] of [
    ['IPv4 with DF', { version: 4, fragment: 0x4000 }],
    ['IPv4 without DF, tagged', { version: 4, fragment: 0, vlans: [5] }],
    ['IPv6', { version: 6 }],
  ] as const) {
    test(`whichever bit of the headers differs, the two are not merged: ${protocol}, ${name}`, (t) => {
      const isTcp = protocol === 'tcp';
      const isV4 = given.version === 4;
      const l3 = ETHERNET + ('vlans' in given ? 4 * given.vlans.length : 0);
      const l4 = l3 + (isV4 ? 20 : 40);
      const spec: Partial<FrameSpec> = { ...given, protocol };
      const first = buildFrame({ ...spec, payload: noise(PAYLOAD, 1) });
      const second = buildFrame({ ...spec, id: 1001, sequence: 1000 + PAYLOAD, payload: noise(PAYLOAD, 2) });
      const harness = new Harness({ offloads: OFFLOADS | OFFLOAD_USO4 | OFFLOAD_USO6 });
      harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
      const outOf = (other: Uint8Array): { bytes: Uint8Array; gso: number }[] => {
        harness.receive(vxlan(4, first), vxlan(4, other));
        return harness.tap0.written.splice(0).map(({ bytes, vnetHeader }) => ({ bytes, gso: vnetHeader[1] ?? 0 }));
      };
      const within = (at: number, from: number, bytes: number): boolean => at >= from && at < from + bytes;
      /** Checksums stay as they were made: that they are wrong then is what keeps the packet out. */
      const isSum = (at: number): boolean => within(at, l4 + (isTcp ? 16 : 6), 2) || (isV4 && within(at, l3 + 10, 2));
      /** PSH, and an ID that means nothing. */
      const mayDiffer = (at: number, bit: number): boolean =>
        (isTcp && at === l4 + 13 && bit === 3) || (isV4 && given.fragment === 0x4000 && within(at, l3 + 4, 2));
      t.is(outOf(second).length, 1, 'as they are they are merged');
      let merged = 0;
      for (const trains of [true, false]) {
        harness.engine.setTrains(trains);
        for (let at = 0; at < first.length - PAYLOAD; at++) {
          for (let bit = 0; bit < 8; bit++) {
            const other = second.slice();
            other[at] ^= 1 << bit;
            if (!isSum(at)) repair(other, l3, l4, isV4, isTcp);
            const out = outOf(other);
            const where = `bit ${bit} of byte ${at}`;
            if (mayDiffer(at, bit)) {
              t.is(out.length, 1, where);
              merged++;
              continue;
            }
            t.deepEqual(
              out,
              [first, other].map((bytes) => ({ bytes, gso: 0 })),
              where,
            );
          }
        }
      }
      t.is(merged, 2 * ((isTcp ? 1 : 0) + (isV4 && given.fragment === 0x4000 ? 16 : 0)));
      t.is(harness.device(VXLAN0, 'RX_DROPPED') + harness.device(TAP0, 'TX_DROPPED'), 0);
    });
  }
}
