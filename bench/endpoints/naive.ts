/** The naive endpoint (bench/naive) on host B. */
import { fileURLToPath } from 'node:url';
import type { Topology } from '../../test/netns/topology.js';
import { configureInner, type Endpoint } from './endpoint.js';

const PROGRAM = fileURLToPath(new URL('../naive/endpoint.js', import.meta.url));

export async function startNaive(topology: Topology): Promise<Endpoint> {
  const { b, outer } = topology;
  const process_ = b.start([process.execPath, PROGRAM, 'tap0', outer.b, outer.a, '4', '4789']);
  await process_.waitFor(/^ready .+$/m);
  await configureInner(topology, 'tap0');
  const variant = `on ${/^ready (.+)$/m.exec(process_.stdout)?.[1]}`;
  return { dev: 'tap0', processes: [process_], variant };
}
