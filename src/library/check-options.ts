import { MAX_WORKERS } from '../dataplane/datapath.js';
import { VtepError } from './errors.js';
import type { EndpointOptions, EventType } from './types.js';

const LEAST_QUEUE = 65_536;
const LONGEST_QUEUE = 0x40000000;

/** Throws VtepError where options cannot be, for those who are not told by a compiler. */
export function checkOptions(options: EndpointOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('options are an object');
  const { devices = 'process', underlay = 'udp', workers = 0, queueBytes = LEAST_QUEUE, seed = 1, control } = options;
  const { log, checked = false } = options;
  const known = ['devices', 'underlay', 'batch', 'workers', 'control', 'log', 'queueBytes', 'seed', 'checked'];
  const other = Object.keys(options).find((name) => !known.includes(name));
  if (other !== undefined) throw invalid(`there is no option "${other}" (${known.join(', ')})`);
  if (devices !== 'process' && devices !== 'host')
    throw invalid(`devices: "${devices}" is neither "process" nor "host"`);
  if (underlay !== 'udp' && typeof underlay !== 'function') throw invalid('underlay: neither "udp" nor a function');
  if (log !== undefined) checkFunction('log', log);
  if (typeof checked !== 'boolean') throw invalid('checked: neither true nor false');
  if (control === '' || (control !== undefined && typeof control !== 'boolean' && typeof control !== 'string'))
    throw invalid('control: neither a path nor true or false');
  if (!Number.isInteger(workers) || workers < 0 || workers > MAX_WORKERS)
    throw invalid(`workers: ${workers} is none of 0 to ${MAX_WORKERS}`);
  if (workers > 0 && devices === 'process') throw invalid('workers: devices of the process need its own thread');
  if (devices === 'host' && underlay !== 'udp') throw invalid('underlay: a function is for devices of the process');
  if (workers > 1 && control === false)
    throw invalid('control: several workers share ports, so that their lock is needed');
  if (!Number.isInteger(queueBytes) || queueBytes < LEAST_QUEUE || queueBytes > LONGEST_QUEUE || queueBytes % 4 !== 0)
    throw invalid(`queueBytes: ${queueBytes} is not a multiple of 4 from ${LEAST_QUEUE} on`);
  if (!Number.isInteger(seed) || seed < 1 || seed > 0xffffffff) throw invalid(`seed: ${seed} is none of 1 to 2^32-1`);
}

/** Throws VtepError where `given` is no function. */
export function checkFunction(name: string, given: unknown): void {
  if (typeof given !== 'function') throw invalid(`${name}: not a function`);
}

/** Throws VtepError where `given` are no bytes. */
export function checkBytes(name: string, given: unknown): void {
  if (!(given instanceof Uint8Array)) throw invalid(`${name} is a Uint8Array`);
}

const EVENT_TYPES: Readonly<Record<EventType, true>> = {
  learned: true,
  aged: true,
  link: true,
  'link-deleted': true,
  dropped: true,
  error: true,
  lost: true,
};

/** Throws VtepError where a type of events is none. */
export function checkEventTypes(types: readonly string[]): void {
  const other = types.find((type) => !Object.hasOwn(EVENT_TYPES, type));
  if (other !== undefined) throw invalid(`there are no events "${other}" (${Object.keys(EVENT_TYPES).join(', ')})`);
}

function invalid(message: string): VtepError {
  return new VtepError('invalid', message);
}
