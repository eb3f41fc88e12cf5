/** Checks of what the kernel can do. */
import type { Probe } from '../../io/probe/probe.js';
import { type Facts, isUnseen } from './facts.js';
import { advice, type Finding, note, ok, problem, unseen } from './finding.js';

/** Without these there is no endpoint. */
const NEEDED = new Set(['tap']);
/** What is used where it is there, and missed by nobody else. */
const OPTIONAL = new Set(['tap-tunnel-offload', 'tap-queues', 'packet-socket']);

export function checkProbes({ probes, daemon }: Facts): (Finding & { readonly name?: string })[] {
  if (isUnseen(probes)) return [unseen(`what the kernel can do was not tried: ${probes.unseen}`)];
  return probes.map((probe) => ({ ...judge(probe, !isUnseen(daemon)), name: probe.name }));
}

function judge({ name, state, sentence }: Probe, isRunning: boolean): Finding {
  switch (state) {
    case 'works':
      return ok(sentence);
    case 'unseen':
      return unseen(sentence);
    case 'faulty':
      return advice(sentence, 'another release of the kernel');
    case 'missing':
      if (NEEDED.has(name) && !isRunning) return problem(sentence);
      return OPTIONAL.has(name) ? note(sentence) : advice(sentence, 'a newer kernel');
  }
}

export function checkQueue({ queue, daemon }: Facts): Finding[] {
  // What the kernel says is twice what was asked for.
  const granted = isUnseen(daemon)
    ? queue.granted
    : Math.min(...daemon.health.queues.map(({ receiveBuffer }) => receiveBuffer / 2), queue.wanted);
  if (granted >= queue.wanted) return [ok(`receive queues hold ${megabytes(queue.wanted)}`)];
  return [
    advice(
      `receive queues hold ${megabytes(granted)} instead of ${megabytes(queue.wanted)}: bursts are lost (socket-overflow)`,
      `sysctl -w net.core.rmem_max=${queue.wanted} net.core.wmem_max=${queue.wanted}${isUnseen(daemon) ? '' : ', then start vtep again'}`,
    ),
  ];
}

function megabytes(bytes: number): string {
  const value = bytes / (1024 * 1024);
  return value >= 1 ? `${Number(value.toFixed(1))} MiB` : `${Math.round(bytes / 1024)} KiB`;
}
