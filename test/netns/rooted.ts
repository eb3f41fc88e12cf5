/**
 * How end-to-end tests are declared: they need root, network namespaces, /dev/net/tun and a few tools. Where those
 * are missing the tests are reported as skipped, with the reason in their title; a root of a CI machine (CI=true) has
 * no excuse: there they run and fail.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { Topology, type TopologyOptions } from './topology.js';

const TOOLS = ['ip', 'tc', 'ping', 'iperf3', 'ethtool', 'setpriv', 'unshare'];

function excuse(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (process.env.CI === 'true' || process.env.CI === '1') return undefined;
  const folders = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':');
  const missing = TOOLS.filter((tool) => !folders.some((folder) => existsSync(`${folder}/${tool}`)));
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`;
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun';
  if (spawnSync('unshare', ['-n', 'true']).status !== 0) return 'network namespaces cannot be made here';
  return undefined;
}

const reason = excuse();

/** A test that needs all of the above. The tests of one file run one after the other. */
export function rooted(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (reason === undefined) test.serial(title, body);
  else test.serial.skip(`${title} (${reason})`, body);
}

/** The two hosts, removed at the end of the test whatever its end is. */
export async function twoHosts(t: ExecutionContext, options?: TopologyOptions): Promise<Topology> {
  t.timeout(60_000);
  const topology = await Topology.up(options);
  t.teardown(() => topology.down());
  return topology;
}
