/** The devices and filters that the cases of receive/ are for, as lines of a batch. */
import type { Device, ReceiveCase } from './receive-cases.js';

/** The MAC of every vxlan device here: 09-source-mac.txt has it. */
const MAC = '02:00:00:00:00:ff';
/** MTU of tap0: also-longer-than-mtu.txt has more. */
const MTU = 1000;

export const DEVICES: Readonly<Record<Device, { readonly name: string; readonly port: number }>> = {
  external: { name: 'vxlan0', port: 4789 },
  classic: { name: 'vxlan4', port: 4790 },
  tolerant: { name: 'vxlan1', port: 4791 },
};

/** Prefs of the first filter of `key` and of `no-key`. */
export const FIRST_KEY = 1;
export const FIRST_NO_KEY = 50;

/** `peer`: the address that datagrams come from, and that filters name. */
export function batchOf(peer: string, { keys, noKeys }: Pick<ReceiveCase, 'keys' | 'noKeys'>): string[] {
  const { external, classic, tolerant } = DEVICES;
  const filter = (dev: string, pref: number, words: string, action: string): string => {
    const [protocol = '', ...rest] = words.split(' ');
    return `tc filter add dev ${dev} ingress protocol ${protocol} pref ${pref} flower ${rest.join(' ')} ${action}`;
  };
  const toTap = 'action tunnel_key unset pipe action mirred egress redirect dev tap0';
  const wanted = [external, tolerant].flatMap(({ name }) => [
    ...[0, 4, 2 ** 24 - 1].map((vni, n) => filter(name, 100 + n, `all enc_key_id ${vni} enc_src_ip ${peer}`, toTap)),
  ]);
  return [
    `ip link add ${external.name} address ${MAC} type vxlan external dstport ${external.port}`,
    `ip link add ${tolerant.name} address ${MAC} type vxlan external dstport ${tolerant.port} reserved_bits 0`,
    `ip link add ${classic.name} address ${MAC} type vxlan id 4 dstport ${classic.port}`,
    'ip tuntap add dev tap0 mode tap',
    ...[external, tolerant].map(({ name }) => `tc qdisc add dev ${name} clsact`),
    ...keys.map((words, n) => filter(external.name, FIRST_KEY + n, words, 'action continue')),
    ...noKeys.map((words, n) => filter(external.name, FIRST_NO_KEY + n, words, 'action drop')),
    ...wanted,
    `ip link set tap0 mtu ${MTU} up`,
    ...[external, tolerant, classic].map(({ name }) => `ip link set ${name} up`),
  ];
}
