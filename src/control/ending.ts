/** The end of an endpoint that was asked to end: what is in hand leaves, is counted, and is kept for the next one. */
import { dropRows } from '../observe/drops.js';
import { drain } from './drain.js';
import { statePieces } from './endpoint-state.js';
import { lastWords } from './last-words.js';
import { replaceFile } from './replace-file.js';
import { type StatefulParts, stateNow } from './stateful-endpoint.js';

export interface EndingOptions {
  readonly hurry: AbortSignal;
  /** Where what was counted and learned is written; undefined: nowhere. */
  readonly state: string | undefined;
  readonly log: (line: string) => void;
}

/** Throws CommandError where the state could not be written. */
export async function takeLeave(parts: StatefulParts, { hurry, state, log }: EndingOptions): Promise<void> {
  const { datapath, devices } = parts;
  const udp = devices.underlayParts.flatMap((each) => (each.kind === 'udp' ? each.sockets : []));
  const receiveFds = udp.map(({ receiveFd }) => receiveFd).filter((fd) => fd >= 0);
  const tapFds = devices.registry.list().flatMap(({ fds }) => [...fds]);
  if (!(await drain({ receiveFds, tapFds, hurry }))) log('what still waited in queues was left there');
  // Behind the batch that each worker is in.
  await devices.refreshCounters();
  const { sets } = datapath.counters;
  const named = [...devices.registry.list(), ...devices.hostPorts.list()];
  log(lastWords(sets, dropRows(named, sets, { reasons: devices.reasons })));
  if (state !== undefined) replaceFile(state, statePieces(stateNow(parts)), 0o600);
}
