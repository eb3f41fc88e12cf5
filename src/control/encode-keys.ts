import { encodeField } from '../classifier/fields.js';
import type { FlowerKey } from '../iproute/commands.js';
import { notSupported } from '../iproute/errors.js';

/**
 * Turns the keys of a filter, as typed, into the words that the classifier compares; `indev` is the ifindex of the device
 * that the key of that name names. Throws CommandError where the
 * addresses of a tunnel are of two families (the kernel takes them, and compares the one of IPv4 alone).
 */
export function encodeKeys(keys: readonly FlowerKey[], indev: number, key: Int32Array, mask: Int32Array): void {
  let width = 0;
  for (const { name, value } of keys) {
    if (name !== 'enc_dst_ip' && name !== 'enc_src_ip') continue;
    if (width !== 0 && width !== value.length) {
      throw notSupported('flower with enc_dst_ip and enc_src_ip of different families');
    }
    width = value.length;
  }
  for (const { name, value, mask: bits } of keys) {
    if (name === 'indev') {
      const index = new Uint8Array(4);
      new DataView(index.buffer).setUint32(0, indev);
      encodeField('indev', index, new Uint8Array(4).fill(0xff), key, mask);
    } else {
      encodeField(name, value, bits, key, mask);
    }
  }
}
