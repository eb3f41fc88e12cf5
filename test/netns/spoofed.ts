/** VXLAN datagrams from an address of the sender's choice. */
import type { Host } from './topology.js';

export interface Spoofed {
  /** An address of the host that sends. */
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly vni: number;
  readonly count: number;
  /** Source of the inner frame. */
  readonly mac?: string;
}

/** Sends them all; each has a frame of a type that no stack knows. */
export async function chunk(
  host: Host,
  { from, to, port, vni, count, mac = '02:00:00:00:00:66' }: Spoofed,
): Promise<void> {
  const header = `08000000${vni.toString(16).padStart(6, '0')}00`;
  const frame = `ffffffffffff${mac.replaceAll(':', '')}88b5${'5a'.repeat(46)}`;
  const lines = Array.from({ length: count }, () => `${header}${frame}`);
  await host.do(host.tool('send-datagrams', to, `${port}`, from), `${lines.join('\n')}\n`);
}
