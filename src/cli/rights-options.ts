/** What `vtep run` is told of rights and peers: words of the command line, checked as far as they can be there. */
import { InvalidArgumentError } from 'commander';
import type { Keepable } from '../control/rights.js';
import { parseIp, prefixMask } from '../iproute/address.js';

const NAMES: readonly Keepable[] = ['net_admin', 'net_raw', 'net_bind_service'];

/** `--keep-caps LIST`; with or without CAP_, in whatever case. */
export function keptCapabilities(list: string): readonly Keepable[] {
  return list.split(',').map((word) => {
    const plain = word.toLowerCase().replace(/^cap_/, '');
    const name = NAMES.find((one) => one === plain);
    if (name === undefined) throw new InvalidArgumentError(`"${word}" is none of ${NAMES.join(', ')}.`);
    return name;
  });
}

/** `--peer PREFIX`, which may be repeated: an address, or a prefix of them. */
export function anotherPeer(word: string, before: readonly string[] = []): readonly string[] {
  if (peerPrefix(word) === undefined) throw new InvalidArgumentError('an address, or a prefix such as 192.0.2.0/24.');
  return [...before, word];
}

/** An address and the mask of its prefix; undefined for what is none. */
export function peerPrefix(word: string): { address: Uint8Array; mask: Uint8Array } | undefined {
  const [text = '', length, ...more] = word.split('/');
  const address = parseIp(text);
  if (!address || more.length > 0) return undefined;
  const most = address.length * 8;
  if (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= most)) return undefined;
  return { address, mask: prefixMask(length === undefined ? most : Number(length), address.length) };
}
