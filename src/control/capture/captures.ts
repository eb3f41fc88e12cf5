import type { CaptureFilter } from '../../dataplane/capture-taps.js';
import type { Instruction } from '../../dataplane/messages.js';
import { CommandError } from '../../iproute/commands.js';
import type { ReasonNames } from '../../memory/reason-names.js';
import { noSuchDevice } from '../refusal.js';
import type { Rules } from '../rules.js';
import { CaptureSession } from './capture-session.js';
import { RingSets } from './ring-sets.js';
import { type CaptureRequest, readCaptureWords } from './words.js';

/** Captures at a time: each holds a ring of 4 MB for each worker. */
export const MOST_CAPTURES = 4;

/** What of the datapath is needed. */
export interface CaptureDatapath {
  readonly workers: number;
  apply(instruction: Instruction): Promise<void>;
}

interface Named {
  readonly index: number;
  readonly name: string;
}

/** The captures of a daemon. */
export class Captures {
  private readonly rules: Rules;
  private readonly reasons: ReasonNames;
  private readonly devices: () => readonly Named[];
  private readonly sessions = new Set<CaptureSession>();
  /** What captures; without it none can be begun. */
  datapath: CaptureDatapath | undefined;
  private ringSets: RingSets | undefined;

  constructor(rules: Rules, devices: () => readonly Named[], reasons: ReasonNames) {
    this.reasons = reasons;
    this.rules = rules;
    this.devices = devices;
  }

  /** A capture as these words ask for it, which `run` begins. Throws CommandError. */
  open(words: readonly string[]): CaptureSession {
    const request = readCaptureWords(words, this.reasons);
    const { datapath } = this;
    if (!datapath) throw new CommandError('vtep: capture: there is no datapath', 1);
    if (this.sessions.size === MOST_CAPTURES) {
      throw new CommandError(`vtep: capture: ${MOST_CAPTURES} captures are on already: as many as there may be`, 1);
    }
    const filter = this.filterOf(request);
    this.ringSets ??= new RingSets(datapath.workers, MOST_CAPTURES);
    const { ringSets } = this;
    const session = new CaptureSession(request, filter, ringSets.take(), {
      nameOf: (device) => this.devices().find(({ index }) => index === device)?.name ?? `device-${device}`,
      placeOf: (rule, time) => this.rules.places.at(rule, time),
      reasonAt: (number) => this.reasons.at(number),
      ruleOf: (wanted) => this.ruleOf(wanted, false),
      apply: () => this.apply(datapath),
      ended: (ended) => void this.sessions.delete(ended),
      released: ({ rings }) => ringSets.give(rings),
    });
    this.sessions.add(session);
    return session;
  }

  private apply(datapath: CaptureDatapath): Promise<void> {
    const captures = [...this.sessions].map(({ filter, rings }) => ({
      filter,
      rings: rings.map((ring) => ring.buffer),
    }));
    return datapath.apply({ type: 'captures', captures });
  }

  private filterOf(request: CaptureRequest): CaptureFilter {
    const { points, device, vni = -1, reason, snapLength } = request;
    const found = device === undefined ? -1 : this.devices().find(({ name }) => name === device)?.index;
    if (found === undefined) throw noSuchDevice(device ?? '');
    return {
      points: points.reduce((bits, point) => bits | (1 << point), 0),
      device: found,
      vni,
      rule: this.ruleOf(request, true),
      reason: reason === undefined ? -1 : (this.reasons.numberOf(reason) ?? -1),
      snapLength,
    };
  }

  /** The number of the rule that was asked for; -1: none was, or it is not there. Throws CommandError where it must be. */
  private ruleOf({ rule }: CaptureRequest, mustBe: boolean): number {
    if (!rule) return -1;
    const { dev, hook, chain, pref, handle } = rule;
    try {
      const selector = { dev, parent: hook, chain, pref, ...(handle !== undefined && { handle }) };
      const block = this.rules.blocks(this.rules.indexOf(dev)).get(hook);
      const found = block?.list(selector) ?? [];
      const [only] = found;
      if (only && found.length === 1) return only.rule;
      if (!mustBe) return -1;
      const which = `dev ${dev} ${hook} chain ${chain} pref ${pref}`;
      throw new CommandError(
        found.length === 0
          ? `vtep: capture: there is no rule ${which}${handle === undefined ? '' : ` handle 0x${handle.toString(16)}`}`
          : `vtep: capture: there are ${found.length} rules ${which}: say which, as in: handle 0x${only?.handle.toString(16)}`,
        1,
      );
    } catch (error) {
      if (mustBe) throw error;
      return -1;
    }
  }
}
