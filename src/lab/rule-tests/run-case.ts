/** Runs one case of a file of rule tests, on an endpoint of its own, and says what is otherwise than expected. */
import { CommandError } from '../../iproute/commands.js';
import { dropRows } from '../../observe/drops.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from '../../offload/offloads.js';
import type { LocalEndpoint, Output } from '../local-endpoint.js';
import { type Captures, readArrival } from '../trace/arrival.js';
import type { Arrival } from '../trace/flow-words.js';
import type { LookupReport, StepReport, TraceReport } from '../trace/report.js';
import { Tracer } from '../trace/trace.js';
import type { ExpectedCounters, ExpectedOutput, RuleCase, RuleTests } from './expectation.js';
import { meant } from './node-reader.js';
import { OutputWords } from './output-words.js';

export interface CaseResult {
  readonly name: string;
  /** Of the file, from 1 on. */
  readonly line: number;
  readonly ok: boolean;
  /** What is otherwise, a sentence each: what was expected, and what happened. */
  readonly failures: readonly string[];
  /** Of a case that failed: the way of each packet that came by itself, the first of them at most MOST_TRACES. */
  readonly traces: readonly TraceReport[];
}

/** Traces of a case that are kept. */
const MOST_TRACES = 3;
/** What a TAP of a present kernel takes. */
const TAP_OFFLOADS = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_USO4 | OFFLOAD_USO6;

/** Throws CommandError where the file is wrong: a packet, or a name that no line of the rules makes. */
export async function runCase(tests: RuleTests, one: RuleCase, captures: Captures): Promise<CaseResult> {
  const tracer = await tracerOf(tests);
  const { endpoint } = tracer;
  for (const { at, device } of [...(one.expect.out ?? []), ...one.expect.counters]) checkDevice(endpoint, at, device);
  const arrivals = one.packets.map(({ at, words }) => {
    try {
      return readArrival(endpoint, words, captures);
    } catch (error) {
      if (error instanceof CommandError) throw at.refuse(withoutOwn(error.message));
      throw error;
    }
  });
  const traces: TraceReport[] = [];
  const outputs: Output[] = [];
  if (one.merge)
    outputs.push(
      ...mergedOutputs(
        endpoint,
        one,
        arrivals.map(({ arrival }) => arrival),
      ),
    );
  else {
    for (const { arrival, time } of arrivals) {
      if (time !== undefined) endpoint.setTime(time);
      const report = tracer.trace(arrival);
      traces.push(report);
      outputs.push(
        ...report.outputs.map(({ device, kind, bytes }) => ({
          device,
          kind,
          bytes: Uint8Array.from(Buffer.from(bytes, 'hex')),
        })),
      );
    }
  }
  const failures = differencesOf(endpoint, one, outputs, traces);
  const ok = failures.length === 0;
  return { name: one.name, line: one.line, ok, failures, traces: ok ? [] : traces.slice(0, MOST_TRACES) };
}

/** A message as a part of another: vtep does not say its name twice. */
function withoutOwn(message: string): string {
  return message.replace(/^vtep: /, '').replace(/\nvtep: (did you mean "[^"]*"\?)/, ' ($1)');
}

async function tracerOf({ rules, rulesName, hosts }: RuleTests): Promise<Tracer> {
  try {
    return await Tracer.from(rules, rulesName, { hosts });
  } catch (error) {
    throw error instanceof CommandError ? new CommandError(error.message, 2) : error;
  }
}

function checkDevice({ devices }: LocalEndpoint, at: ExpectedOutput['at'], name: string): void {
  if (devices.has(name)) return;
  const names = [...devices.keys()];
  throw at.refuse(`no line of the rules makes a device "${name}"${meant(name, names)}; there are ${names.join(', ')}`);
}

function mergedOutputs(endpoint: LocalEndpoint, one: RuleCase, arrivals: readonly Arrival[]): Output[] {
  const [first] = arrivals;
  const isOne = arrivals.every(
    (other) =>
      other.from === first?.from &&
      (other.from === 'underlay' || (first.from === 'host' && other.device === first.device)),
  );
  if (!isOne)
    throw (
      (one.packets[0] ?? { at: undefined }).at?.refuse('packets that are to merge come in at one place') ??
      new Error('no packets')
    );
  endpoint.merge(TAP_OFFLOADS);
  endpoint.arriveTogether(
    first?.from === 'host' ? first.device : undefined,
    arrivals.map(({ bytes }) => bytes),
  );
  return endpoint.takeOutput();
}

function differencesOf(
  endpoint: LocalEndpoint,
  { expect }: RuleCase,
  outputs: readonly Output[],
  traces: readonly TraceReport[],
): string[] {
  const words = new OutputWords(endpoint);
  const failures: string[] = [];
  if (expect.frames !== undefined && outputs.length !== expect.frames)
    failures.push(`expected ${expect.frames} frames to leave, and there are ${outputs.length}`);
  if (expect.out) failures.push(...outputDifferences(expect.out, outputs, words));
  const steps = traces.flatMap(({ steps }) => allSteps(steps));
  if (expect.drop !== undefined) {
    const reasons = droppedReasons(endpoint);
    if (!reasons.includes(expect.drop))
      failures.push(
        `expected a drop as ${expect.drop}, and ${reasons.length === 0 ? 'nothing was dropped' : `there was ${reasons.join(', ')}`}`,
      );
  }
  if (expect.verdict !== undefined) {
    const last = steps.findLast((step) => step.kind === 'verdict');
    const verdict = last?.kind === 'verdict' ? last.verdict : undefined;
    if (verdict !== expect.verdict)
      failures.push(
        `expected verdict ${expect.verdict}, and ${verdict === undefined ? 'no rule matched' : `it was ${verdict}`}`,
      );
  }
  if (expect.match !== undefined) {
    const met = matches(traces);
    const wanted = ` ${normal(expect.match)} `;
    if (!met.some((one) => ` ${one} `.includes(wanted)))
      failures.push(
        `expected a match of ${expect.match}, and ${met.length === 0 ? 'no rule matched' : `there was ${met.join('; ')}`}`,
      );
  }
  for (const counters of expect.counters) failures.push(...counterDifferences(endpoint, counters));
  return failures;
}

function outputDifferences(
  expected: readonly ExpectedOutput[],
  outputs: readonly Output[],
  words: OutputWords,
): string[] {
  if (expected.length !== outputs.length) {
    const told = outputs.map(({ device, kind }) => `${device}${kind === 'packet' ? ' (into the tunnel)' : ''}`);
    const wanted = expected.map(({ device }) => device);
    return [
      `expected ${wanted.length === 0 ? 'nothing to leave' : `${wanted.length} to leave, by ${wanted.join(', ')}`}, and ${told.length === 0 ? 'nothing left' : `${told.length} left, by ${told.join(', ')}`}`,
    ];
  }
  return expected.flatMap(({ device, fields }, n): string[] => {
    const output = outputs[n];
    if (!output) return [];
    const which = expected.length === 1 ? '' : ` of frame ${n + 1}`;
    if (output.device !== device) return [`expected device ${device}${which}, and it left by ${output.device}`];
    const found = words.of(output);
    return [...fields].flatMap(([field, wanted]) => {
      const value = found[field];
      if (wanted === null) return value === undefined ? [] : [`expected no ${field}${which}, and it is ${value}`];
      if (value !== undefined && isSame(wanted, value)) return [];
      return [`expected ${field} ${wanted}${which}, and ${value === undefined ? 'there is none' : `it is ${value}`}`];
    });
  });
}

/** As text, or as a number however it is written. */
function isSame(wanted: string, value: string): boolean {
  if (wanted.toLowerCase() === value.toLowerCase()) return true;
  const isNumber = /^(0x[0-9a-f]+|\d+)$/i;
  return isNumber.test(wanted) && isNumber.test(value) && Number(wanted) === Number(value);
}

function counterDifferences({ state, devices }: LocalEndpoint, expected: ExpectedCounters): string[] {
  const { device, hook, pref, chain, handle, values, at } = expected;
  const index = devices.get(device)?.index ?? -1;
  const selector = { dev: device, parent: hook, pref, chain };
  const filters = state.rules.blocks(index).has(hook) ? [...state.rules.each(selector)] : [];
  const found = filters.filter((filter) => handle === undefined || filter.handle === handle);
  const [filter] = found;
  const place = `dev ${device} ${hook} chain ${chain} pref ${pref}${handle === undefined ? '' : ` handle 0x${handle.toString(16)}`}`;
  if (!filter) throw at.refuse(`no line of the rules makes a filter ${place}`);
  if (found.length > 1) throw at.refuse(`there are ${found.length} filters ${place}: say which by "handle"`);
  const statistics = filter.actions[0]?.statistics;
  return [...values].flatMap(([name, wanted]) => {
    const value = statistics?.[name] ?? 0;
    return value === wanted ? [] : [`expected ${wanted} ${name} at ${place}, and there are ${value}`];
  });
}

function droppedReasons({ devices, datapath }: LocalEndpoint): string[] {
  const rows = dropRows([...devices.values()], [datapath.counters]);
  return rows.filter(({ verdict }) => verdict === 'drop').map(({ reason }) => reason);
}

function* eachStep(steps: readonly StepReport[]): Generator<StepReport> {
  for (const step of steps) {
    yield step;
    if ('steps' in step) yield* eachStep(step.steps);
  }
}

function allSteps(steps: readonly StepReport[]): StepReport[] {
  return [...eachStep(steps)];
}

/** Every rule that was met, as `dev NAME chain N pref N handle N`. */
function matches(traces: readonly TraceReport[]): string[] {
  const found: string[] = [];
  const walk = (steps: readonly StepReport[], device: string): void => {
    for (const step of steps) {
      if (step.kind === 'hook') walk(step.steps, step.device);
      else if ('steps' in step) walk(step.steps, device);
      if (step.kind === 'lookup') found.push(...matchWords(step, device));
    }
  };
  for (const { steps } of traces) walk(steps, '');
  return [...new Set(found)];
}

function matchWords({ match }: LookupReport, device: string): string[] {
  return match ? [`dev ${device} chain ${match.chain} pref ${match.pref} handle ${match.handle}`] : [];
}

/** With numbers as they are in `matchWords`, and a chain. */
function normal(text: string): string {
  const hex = text.replace(/0x([0-9a-f]+)/, (_, digits: string) => `${Number.parseInt(digits, 16)}`);
  return hex.includes('chain') || !hex.startsWith('dev') ? hex : hex.replace(' pref', ' chain 0 pref');
}
