/** ping and iperf3 between two hosts, as numbers. */
import { run, succeed } from './process.js';
import type { Host } from './topology.js';

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  /** Average round trip in milliseconds; NaN where nothing came back. */
  readonly average: number;
}

export interface PingOptions {
  readonly count?: number;
  /** Seconds between two pings. */
  readonly interval?: number;
  /** ICMP payload bytes; 56 makes the 84-byte IPv4 packet that everybody knows. */
  readonly size?: number;
  readonly flood?: boolean;
}

/**
 * Pings; a loss is a result, not an error. Once something came back, ping waits for the rest no longer than one
 * interval (or two round trips): the interval is what a busy machine may take.
 */
export async function ping(from: Host, address: string, options: PingOptions = {}): Promise<PingResult> {
  const { count = 3, interval = 0.2, size = 56, flood = false } = options;
  const pace = flood ? ['-f'] : ['-i', String(interval)];
  const argv = ['ping', '-n', '-q', '-c', String(count), ...pace, '-s', String(size), '-W', '2', address];
  const { stdout, stderr } = await run(from.argv(argv), { deadlineMs: 60_000 });
  const counts = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
  if (!counts) throw new Error(`ping said: ${stdout}${stderr}`);
  const times = /= [\d.]+\/([\d.]+)\//.exec(stdout);
  return { sent: Number(counts[1]), received: Number(counts[2]), average: times ? Number(times[1]) : Number.NaN };
}

export interface IperfOptions {
  readonly seconds?: number;
  /** The server sends. */
  readonly reverse?: boolean;
  readonly udp?: boolean;
  readonly parallel?: number;
  /** Bytes a write (TCP) or a datagram (UDP). */
  readonly length?: number;
  /** Target in bits per second, as iperf3 writes it (`50M`); UDP's default is 1M. */
  readonly bandwidth?: string;
}

export interface IperfResult {
  /** As the receiver counted. */
  readonly bitsPerSecond: number;
  readonly bytes: number;
  /** TCP, counted by the sender. */
  readonly retransmits: number;
  /** UDP, counted by the receiver. */
  readonly packets: number;
  readonly lost: number;
}

/** The parts of `iperf3 -J` that are read here. */
interface IperfReport {
  readonly error?: string;
  readonly end?: Readonly<Record<'sum_sent' | 'sum_received' | 'sum', IperfSum | undefined>>;
}
interface IperfSum {
  readonly bits_per_second: number;
  readonly bytes: number;
  readonly retransmits?: number;
  readonly packets?: number;
  readonly lost_packets?: number;
}

/** One run of iperf3: a server of its own on `to`, the client on `from`. */
export async function iperf(from: Host, to: Host, address: string, options: IperfOptions = {}): Promise<IperfResult> {
  const { seconds = 1, reverse = false, udp = false, parallel = 1 } = options;
  const server = to.start(['iperf3', '-s', '-1', '-i', '0', '--forceflush']);
  try {
    await server.waitFor(/Server listening/);
    const argv = ['iperf3', '-c', address, '-J', '-i', '0', '-t', String(seconds), '--connect-timeout', '8000'];
    if (reverse) argv.push('-R');
    if (udp) argv.push('-u');
    if (parallel > 1) argv.push('-P', String(parallel));
    if (options.length !== undefined) argv.push('-l', String(options.length));
    if (options.bandwidth !== undefined) argv.push('-b', options.bandwidth);
    const { stdout, stderr } = await run(from.argv(argv), { deadlineMs: (seconds + 20) * 1000 });
    return summary(stdout, stderr);
  } finally {
    await server.stop();
  }
}

function summary(stdout: string, stderr: string): IperfResult {
  let report: IperfReport;
  try {
    report = JSON.parse(stdout) as IperfReport;
  } catch {
    throw new Error(`iperf3 said: ${stdout}${stderr}`);
  }
  const received = report.end?.sum_received ?? report.end?.sum;
  if (report.error !== undefined || !received) throw new Error(`iperf3: ${report.error ?? stdout}`);
  const datagrams = report.end?.sum;
  return {
    bitsPerSecond: received.bits_per_second,
    bytes: received.bytes,
    retransmits: report.end?.sum_sent?.retransmits ?? 0,
    packets: datagrams?.packets ?? 0,
    lost: datagrams?.lost_packets ?? 0,
  };
}

/** A protocol's counters of /proc/net/snmp in a host's namespace. */
export async function snmp(host: Host, protocol: 'Ip' | 'Icmp' | 'Tcp' | 'Udp'): Promise<Record<string, number>> {
  const text = await succeed(host.argv(['cat', '/proc/net/snmp']));
  const lines = text.split('\n').filter((line) => line.startsWith(`${protocol}:`));
  const names = lines[0]?.split(' ').slice(1) ?? [];
  const values = lines[1]?.split(' ').slice(1) ?? [];
  return Object.fromEntries(names.map((name, i) => [name, Number(values[i])]));
}

/** Segments and datagrams, IPv4 and IPv6 alike, that the host's stack refused for their checksum. */
export async function checksumErrors(host: Host): Promise<{ tcp: number; udp: number }> {
  const [tcp, udp] = await Promise.all([snmp(host, 'Tcp'), snmp(host, 'Udp')]);
  const six = await succeed(host.argv(['cat', '/proc/net/snmp6']));
  const udp6 = Number(/^Udp6InCsumErrors\s+(\d+)/m.exec(six)?.[1] ?? 0);
  return { tcp: tcp.InCsumErrors ?? 0, udp: (udp.InCsumErrors ?? 0) + udp6 };
}

/** A counter of a network device, such as rx_packets. */
export async function linkStatistic(host: Host, dev: string, name: string): Promise<number> {
  const text = await host.do(`ip -s -j link show dev ${dev}`);
  const links = JSON.parse(text) as { stats64: { rx: Record<string, number>; tx: Record<string, number> } }[];
  const [side, counter] = [name.slice(0, 2), name.slice(3)];
  const value = (side === 'rx' ? links[0]?.stats64.rx : links[0]?.stats64.tx)?.[counter];
  if (value === undefined) throw new Error(`${dev} has no counter ${name}`);
  return value;
}

/**
 * Loses a share of what arrives on `dev`, at random: a classic BPF filter that reads the kernel's random number (the
 * ancillary load SKF_AD_RANDOM) and a redirect to a device that is down. It needs neither netem nor act_gact.
 */
export async function lose(host: Host, dev: string, share: number): Promise<void> {
  const ancillaryRandom = 0xfffff000 + 56;
  const below = Math.round(share * 2 ** 32);
  // ld rand; jge below, keep, lose; lose: ret -1 (match); keep: ret 0
  const program = ['4', `32 0 0 ${ancillaryRandom}`, `53 1 0 ${below}`, '6 0 0 4294967295', '6 0 0 0'].join(',');
  await host.do('ip link add nowhere type bridge');
  await host.do(`tc qdisc add dev ${dev} clsact`);
  await succeed(
    host.argv([
      ...['tc', 'filter', 'add', 'dev', dev, 'ingress', 'bpf', 'bytecode', program],
      ...['action', 'mirred', 'egress', 'redirect', 'dev', 'nowhere'],
    ]),
  );
}

/** Sends `bytes` over TCP and compares what arrives: resolves to true when every byte is the one that was sent. */
export async function streamIsIntact(from: Host, to: Host, address: string, bytes: number): Promise<boolean> {
  const server = to.start(to.tool('stream', 'serve', address, '7100'));
  await server.waitFor(/listening/);
  const sent = await succeed(from.argv(from.tool('stream', 'send', address, '7100', String(bytes))), {
    deadlineMs: 45_000,
  });
  const { stdout } = await server.exited;
  return stdout === `listening\n${sent}` && sent.startsWith(`${bytes} `);
}

/** A counter of /proc/net/netstat (TcpExt), such as TCPSackRecovery. */
export async function tcpExtension(host: Host, name: string): Promise<number> {
  const lines = (await succeed(host.argv(['cat', '/proc/net/netstat']))).split('\n');
  const [names, values] = lines.filter((line) => line.startsWith('TcpExt:')).map((line) => line.split(' '));
  const at = names?.indexOf(name) ?? -1;
  if (at < 0) throw new Error(`there is no counter ${name}`);
  return Number(values?.[at]);
}
