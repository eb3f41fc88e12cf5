import { encodeField } from '../classifier/fields.js';
import type { FlowerKey } from '../iproute/commands.js';

/** Turns the keys of a filter, as typed, into the words that the classifier compares. */
export function encodeKeys(
  keys: readonly FlowerKey[],
  devices: { ifindex(name: string): number },
  key: Int32Array,
  mask: Int32Array,
): void {
  for (const { name, value, mask: bits } of keys) {
    if (name === 'indev') {
      const index = new Uint8Array(4);
      new DataView(index.buffer).setUint32(0, devices.ifindex(new TextDecoder().decode(value)));
      encodeField('indev', index, new Uint8Array(4).fill(0xff), key, mask);
    } else {
      encodeField(name, value, bits, key, mask);
    }
  }
}
