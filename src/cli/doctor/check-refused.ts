/** Datagrams that reached this host, and none of its sockets: vtep has never seen them. */
import type { Facts } from './facts.js';
import { type Finding, note } from './finding.js';

/** What the kernel counts of UDP in a network namespace. */
export interface RefusedDatagrams {
  /** For a port that nobody has open. */
  readonly noPort: number;
  /** With a wrong checksum, over IPv4. */
  readonly checksum4: number;
  /** With a wrong checksum, or none, over IPv6. */
  readonly checksum6: number;
}

/** From the texts of /proc/net/snmp and snmp6; what is not there is 0. */
export function refusedDatagrams(snmp: string, snmp6: string): RefusedDatagrams {
  const [names = [], values = []] = snmp
    .split('\n')
    .filter((line) => line.startsWith('Udp: '))
    .map((line) => line.split(' '));
  const four = (name: string): number => Number(values[names.indexOf(name)] ?? 0) || 0;
  const six = (name: string): number => Number(new RegExp(`^${name}\\s+(\\d+)$`, 'm').exec(snmp6)?.[1] ?? 0);
  return {
    noPort: four('NoPorts') + six('Udp6NoPorts'),
    checksum4: four('InCsumErrors'),
    checksum6: six('Udp6InCsumErrors'),
  };
}

/** Notes: the counters tell of any UDP since the namespace was made, not of tunnels alone. */
export function checkRefused({ refused, ports }: Facts): Finding[] {
  if (!refused) return [];
  const { noPort, checksum4, checksum6 } = refused;
  const findings: Finding[] = [];
  if (checksum6 > 0)
    findings.push(
      note(
        `the kernel has refused ${datagrams(checksum6)} over IPv6 for a wrong checksum or none, unseen by vtep`,
        'peers that send none (udp6zerocsumtx) ask for udp6zerocsumrx at the device here: ip link add … udp6zerocsumrx',
      ),
    );
  if (checksum4 > 0)
    findings.push(
      note(`the kernel has refused ${datagrams(checksum4)} over IPv4 for a wrong checksum, unseen by vtep`),
    );
  if (noPort > 0)
    findings.push(
      note(
        `${datagrams(noPort)} came for a port that nobody here has open; a peer with another dstport is heard so (tunnels here: ${ports.join(', ') || 'none'})`,
        "look what comes: tcpdump -ni any 'udp port 4789 or udp port 8472' (8472: the kernel's when none is said)",
      ),
    );
  return findings;
}

function datagrams(count: number): string {
  return `${count} UDP datagram${count === 1 ? '' : 's'}`;
}
