/** Has one packet go through an endpoint that is watched, and says what became of it, as plain data for text and JSON. */
import { DEFERRED } from '../../actions/deferred.js';
import { AT_INGRESS } from '../../actions/outlet.js';
import { Verdict } from '../../actions/program.js';
import { type ClassifierKind, createTable } from '../../classifier/create-table.js';
import { KeyWord } from '../../classifier/flow-key.js';
import type { Filter } from '../../control/filter.js';
import { actionWords } from '../../iproute/action-command.js';
import type { ActionState, FilterState } from '../../iproute/commands.js';
import { filterCommand } from '../../iproute/filter-command.js';
import { REASONS } from '../../memory/reasons.js';
import { LocalEndpoint, type LocalOptions } from '../local-endpoint.js';
import type { Arrival } from './flow-words.js';
import { arrivalHints, filterHints, hookHints, missingHints, outcomeHints } from './hints.js';
import { HostRoutes } from './host-routes.js';
import { differenceSentence, differences, tryRules } from './near-misses.js';
import { frameWords, PacketReader, protocolWord, tunnelWords } from './packet-words.js';
import { type Acted, type LookedUp, Recorder, type Step, type Visit } from './recorder.js';
import type {
  ActionReport,
  Change,
  HookReport,
  LookupReport,
  MissReport,
  OutputReport,
  ReasonReport,
  RuleReport,
  StepReport,
  TraceReport,
} from './report.js';
import { RuleView, viewOf } from './rule-view.js';
import { outputSentence } from './sentences.js';
import { type PacketState, WatchedDatapath } from './watch.js';

const VERDICTS = new Map([
  ...Object.entries(Verdict).map(([name, number]) => [number as number, name.toLowerCase()] as const),
  [DEFERRED, 'function'],
]);
/** Digits of changed bytes that are told. */
const LONGEST_HEX = 32;
/** As tc says them. */
const VERDICT_WORDS: Readonly<Record<string, string>> = { ok: 'pass', shot: 'drop' };

export interface TraceOptions extends Pick<LocalOptions, 'hosts' | 'seed' | 'start'> {
  readonly classifier?: ClassifierKind;
  /** How many of the rules that did not match are told of, for each look-up. */
  readonly near?: number;
}

/** A filter that was found. */
interface Found {
  readonly filter: Filter;
  readonly state: FilterState;
}

export class Tracer {
  readonly endpoint: LocalEndpoint;
  private readonly datapath: WatchedDatapath;
  private readonly recorder: Recorder;
  private readonly near: number;
  private readonly reader = new PacketReader();
  /** By hook: the filters by the numbers that the classifier knows them by. */
  private readonly filters = new Map<string, ReadonlyMap<number, Filter>>();
  private readonly hints = new Set<string>();

  private constructor(endpoint: LocalEndpoint, datapath: WatchedDatapath, recorder: Recorder, near: number) {
    this.endpoint = endpoint;
    this.datapath = datapath;
    this.recorder = recorder;
    this.near = near;
  }

  /** Reads the lines of a batch file. Throws CommandError, which names the line by `name`. */
  static async from(text: string, name: string, options: TraceOptions = {}): Promise<Tracer> {
    const { classifier = 'tuple-space', near = 3, ...rest } = options;
    const recorder = new Recorder();
    const made: WatchedDatapath[] = [];
    const endpoint = await LocalEndpoint.from(text, name, {
      ...rest,
      newTable: () => new RuleView(createTable(classifier)),
      newDatapath: (clock, seed) => {
        const datapath = new WatchedDatapath(clock, seed, recorder);
        made.push(datapath);
        return datapath;
      },
    });
    const [datapath] = made;
    if (!datapath) throw new Error('an endpoint without a datapath');
    // Of a bundle of datagrams each is to be seen on its way.
    datapath.engine.setTrains(false);
    return new Tracer(endpoint, datapath, recorder, near);
  }

  /** From now on the ways to the peers are those of this host. `links`: its interfaces by ifindex. Ends with `close` of what is returned. */
  useHost(links: ReadonlyMap<number, string>): HostRoutes {
    const { devices, datapath } = this.endpoint;
    const routes = new HostRoutes((ifindex) => (devices.get(links.get(ifindex) ?? '')?.index ?? -1) + 1);
    datapath.engine.setRoutes(routes);
    return routes;
  }

  /** Has a packet come in. */
  trace(arrival: Arrival): TraceReport {
    const { endpoint, recorder } = this;
    recorder.take();
    this.hints.clear();
    let isTaken = true;
    if (arrival.from === 'underlay') isTaken = endpoint.receive(arrival.bytes);
    else endpoint.send(arrival.device, arrival.bytes);
    const steps = this.steps(recorder.take());
    const outputs = endpoint.takeOutput().map(({ device, kind, bytes }): OutputReport => {
      const said = outputSentence(device, kind, bytes, endpoint.devices.get(device)?.kind ?? 'tap');
      return { device, kind, sentence: said, bytes: hexOf(bytes) };
    });
    for (const hint of arrivalHints(endpoint, arrival, isTaken)) this.hints.add(hint);
    for (const hint of outcomeHints(steps)) this.hints.add(hint);
    if (outputs.length === 0) for (const hint of missingHints(endpoint, steps)) this.hints.add(hint);
    return {
      input: {
        from: arrival.from,
        device: arrival.from === 'host' ? arrival.device.name : null,
        bytes: hexOf(arrival.bytes),
      },
      taken: isTaken && (arrival.from === 'underlay' || arrival.device.up),
      steps,
      outputs,
      hints: [...this.hints],
    };
  }

  private steps(steps: readonly Step[], visit?: Visit): StepReport[] {
    const reports: StepReport[] = [];
    let acting: Found | undefined;
    for (const step of steps) {
      switch (step.kind) {
        case 'visit':
          reports.push(this.visit(step));
          break;
        case 'lookup': {
          const { report, found } = this.lookup(step, visit);
          reports.push(report);
          acting = found;
          break;
        }
        case 'action': {
          reports.push(this.action(step, acting));
          break;
        }
        case 'verdict': {
          const name = VERDICTS.get(step.verdict) ?? `${step.verdict}`;
          const verdict = VERDICT_WORDS[name] ?? name;
          reports.push({ kind: 'verdict', verdict, chain: step.verdict === Verdict.GOTO ? step.chain : null });
          break;
        }
        case 'reason':
          reports.push(this.reason(step.device, step.reason));
          break;
      }
    }
    return reports;
  }

  private visit(visit: Visit): HookReport {
    const { state } = visit;
    const key = this.reader.key(state);
    const device = this.nameOf(visit.device);
    const hook = visit.direction === AT_INGRESS ? 'ingress' : 'egress';
    for (const hint of hookHints(this.endpoint, device, hook, this.filtersOf(visit).values(), state)) {
      this.hints.add(hint);
    }
    return {
      kind: 'hook',
      device,
      hook,
      filters: this.filtersOf(visit).size,
      protocol: protocolWord(this.reader.protocol(state)),
      packet: frameWords(key),
      metadata: state.tunnel ? tunnelWords(key) : null,
      bytes: hexOf(state.bytes),
      steps: this.steps(visit.steps, visit),
      outcome: visit.isTaken ? 'taken' : 'dropped',
    };
  }

  private lookup(
    step: LookedUp,
    visit: Visit | undefined,
  ): { readonly report: LookupReport; readonly found: Found | undefined } {
    const device = (ifindex: number): string => this.nameOf(ifindex - 1);
    const view = visit && viewOf(this.datapath.snapshot(visit.device, visit.direction));
    const tried = view ? tryRules(view, step, this.near) : { prefs: [], nearest: [], missed: 0, match: undefined };
    const misses = tried.nearest.flatMap(({ rule }): MissReport[] => {
      const filter = visit && this.filtersOf(visit).get(rule.id);
      if (!filter) return [];
      const differs = differences(filter, step, device);
      const { pref, handle } = filter;
      return [{ pref, handle, differs, sentence: differs.map(differenceSentence)[0] ?? '' }];
    });
    const filter = visit && this.filtersOf(visit).get(step.rule);
    const found = visit && filter && { filter, state: this.stateOf(visit, filter) };
    if (filter) for (const hint of filterHints(filter)) this.hints.add(hint);
    const agrees = (tried.match?.id ?? -1) === step.rule;
    const report: LookupReport = {
      kind: 'lookup',
      chain: step.chain,
      from_pref: step.position,
      protocol: protocolWord(step.protocol),
      tried: tried.prefs,
      missed: tried.missed,
      near_misses: misses,
      match: found ? ruleReport(found.state) : null,
      indev: device(step.key[KeyWord.INDEV] ?? 0) || null,
      agrees,
    };
    return { report, found };
  }

  private action(step: Acted, found: Found | undefined): ActionReport {
    const place = found?.filter.actions.findIndex(({ row }) => row === step.id) ?? -1;
    const action = found?.state.actions[place];
    return {
      kind: 'action',
      order: place + 1,
      action: action ? wordsOfAction(action) : '',
      changes: step.after ? this.changes(step.before, step.after) : [],
      metadata: step.after?.tunnel ? tunnelWords(this.reader.key(step.after)) : null,
      bytes: step.after ? hexOf(step.after.bytes) : null,
      steps: this.steps(step.steps),
    };
  }

  private changes(before: PacketState, after: PacketState): Change[] {
    const [then, now] = [this.wordsOf(before), this.wordsOf(after)];
    const names = new Set([...Object.keys(then), ...Object.keys(now)]);
    // At last, behind what came or went.
    names.delete('length');
    const changes = [...names, 'length']
      .filter((field) => then[field] !== now[field])
      .map((field) => ({ field, before: then[field] ?? null, after: now[field] ?? null }));
    return [...changes, ...changedBytes(before.bytes, after.bytes)];
  }

  private wordsOf(state: PacketState): Record<string, string> {
    const key = this.reader.key(state);
    return {
      ...frameWords(key),
      ...(state.tunnel && tunnelWords(key)),
      ...(state.tunnel && { metadata: state.isReceived ? 'received' : 'to send with' }),
      ...(state.mark !== 0 && { mark: `${state.mark}` }),
      ...(state.priority !== 0 && { priority: `${state.priority}` }),
      ...(state.isBare && { ethernet: 'taken off' }),
      length: `${state.bytes.length}`,
    };
  }

  private reason(device: number, reason: number): ReasonReport {
    const { name, verdict, sentence } = REASONS[reason] ?? { name: `${reason}`, verdict: 'drop', sentence: '' };
    return { kind: 'reason', device: this.nameOf(device), reason: name, verdict, sentence };
  }

  private nameOf(device: number): string {
    for (const { index, name } of this.endpoint.devices.values()) if (index === device) return name;
    return '';
  }

  private filtersOf({ device, direction }: Pick<Visit, 'device' | 'direction'>): ReadonlyMap<number, Filter> {
    const place = `${device} ${direction}`;
    let filters = this.filters.get(place);
    if (!filters) {
      const block = this.endpoint.state.rules.blocks(device).get(direction === AT_INGRESS ? 'ingress' : 'egress');
      filters = new Map([...(block?.each() ?? [])].map((filter) => [filter.rule, filter]));
      this.filters.set(place, filters);
    }
    return filters;
  }

  private stateOf({ direction }: Visit, filter: Filter): FilterState {
    const { dev, chain, pref, handle } = filter;
    return this.endpoint.state.rules.get({
      dev,
      parent: direction === AT_INGRESS ? 'ingress' : 'egress',
      chain,
      pref,
      handle,
    });
  }
}

function wordsOfAction({ spec }: ActionState): string {
  return actionWords(spec).slice(1).join(' ');
}

/** The words of a filter as tc prints them, its keys and actions apart. */
function ruleReport(state: FilterState): RuleReport {
  const { pref, chain, handle, protocol, actions } = state;
  const words = filterCommand({ ...state, actions: [] });
  return {
    pref,
    chain,
    handle,
    protocol: protocolWord(protocol),
    keys: words.slice(words.indexOf('flower') + 1).join(' '),
    actions: actions.map(wordsOfAction),
  };
}

/** From the first byte that is another to the last; nothing where the length changed. */
function changedBytes(before: Uint8Array, after: Uint8Array): Change[] {
  if (before.length !== after.length) return [];
  const isOther = (byte: number, n: number): boolean => byte !== after[n];
  const first = before.findIndex(isOther);
  const last = before.findLastIndex(isOther);
  if (first < 0) return [];
  const shown = (bytes: Uint8Array): string => {
    const part = hexOf(bytes.subarray(first, last + 1));
    return part.length > LONGEST_HEX ? `${part.slice(0, LONGEST_HEX)}…` : part;
  };
  return [{ field: `bytes ${first}-${last}`, before: shown(before), after: shown(after) }];
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
