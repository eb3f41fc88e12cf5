/** The ways that a file's own lines give the host: `ip addr add` and `ip route add`. What the host has besides is not known. */
import type { HostLine } from '../../control/desired-state.js';
import { parseIp } from '../../iproute/address.js';

interface Network {
  readonly address: Uint8Array;
  /** Bits. */
  readonly length: number;
  /** Interface; `''`: packets for it are refused. */
  readonly device: string;
}

const ADDRESSES = /^a(ddr(ess)?)?$/;
const ROUTES = /^r(oute)?$/;
const ADDS = /^(add|append|prepend|replace|change)$/;
const REFUSES = /^(unreachable|blackhole|prohibit|throw)$/;

/** By destination: the interface that a packet leaves by, `''` where it is refused; undefined where no line tells. */
export function fileRoutes(lines: readonly HostLine[]): (destination: Uint8Array) => string | undefined {
  const networks: Network[] = [];
  const way = (to: Uint8Array): string | undefined => {
    let found: Network | undefined;
    for (const network of networks) {
      if (isIn(network, to) && network.length >= (found?.length ?? 0)) found = network;
    }
    return found?.device;
  };
  for (const { command } of lines) {
    if (command.kind !== 'host' || command.tool !== 'ip') continue;
    const [object = '', verb = '', ...words] = command.argv.filter((word) => !/^-[46]$/.test(word));
    if (!ADDS.test(verb)) continue;
    const device = after(words, 'dev');
    if (ADDRESSES.test(object) && device !== undefined) {
      const network = networkOf(after(words, 'peer') ?? words.find((word) => networkOf(word, '')) ?? '', device);
      if (network) networks.push(network);
    } else if (ROUTES.test(object)) {
      // Other tables are for those whom a rule of the host sends there.
      if (words.includes('table')) continue;
      const [first = '', second = ''] = words;
      const isRefused = REFUSES.test(first);
      const destination = isRefused || first === 'unicast' ? second : first;
      const gateway = parseIp(after(words, 'via') ?? '');
      const by = isRefused ? '' : (device ?? (gateway && way(gateway)));
      if (by === undefined) continue;
      const isSix = gateway?.length === 16 || command.argv.includes('-6');
      const network = networkOf(destination === 'default' ? (isSix ? '::/0' : '0.0.0.0/0') : destination, by);
      if (network) networks.push(network);
    }
  }
  return way;
}

function after(words: readonly string[], keyword: string): string | undefined {
  const at = words.indexOf(keyword);
  return at < 0 ? undefined : words[at + 1];
}

function networkOf(word: string, device: string): Network | undefined {
  const [text = '', bits] = word.split('/');
  const address = parseIp(text);
  if (!address) return undefined;
  const length = bits === undefined ? address.length * 8 : Number(bits);
  return Number.isInteger(length) ? { address, length, device } : undefined;
}

function isIn({ address, length }: Network, to: Uint8Array): boolean {
  if (address.length !== to.length) return false;
  return address.every((byte, n) => {
    const bits = Math.min(8, Math.max(0, length - n * 8));
    const mask = (0xff00 >> bits) & 0xff;
    return ((byte ^ (to[n] ?? 0)) & mask) === 0;
  });
}
