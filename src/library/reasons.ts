import { CUSTOM_REASONS } from '../memory/counters.js';
import type { ReasonNames } from '../memory/reason-names.js';
import { VtepError } from './errors.js';

/** Why a function of the program ends a frame's way: counted by device, and told in `drops()`. */
export interface DropReason {
  readonly name: string;
  /** What people read. */
  readonly sentence: string;
}

/** The reasons that a program has added to those of vtep (docs/drops.md). */
export class ReasonTable {
  private readonly names: ReasonNames;
  private readonly numbers = new Map<DropReason, number>();

  /** `names`: of the endpoint, for whoever shows them. */
  constructor(names: ReasonNames) {
    this.names = names;
  }

  /** Throws VtepError where the name is taken or cannot be one, or there are too many. */
  add(name: string, sentence: string): DropReason {
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 40)
      throw new VtepError('invalid', `"${name}" cannot be the name of a reason: words of a-z and 0-9, joined by "-"`);
    if (this.names.numberOf(name) !== undefined) throw new VtepError('invalid', `there is a reason "${name}" already`);
    if (typeof sentence !== 'string' || sentence.trim() === '')
      throw new VtepError('invalid', `reason "${name}": a sentence says what it means`);
    const number = this.names.add(name, sentence);
    if (number < 0)
      throw new VtepError(
        'invalid',
        `more than ${CUSTOM_REASONS} reasons of its own, which is as many as an endpoint has`,
      );
    const reason = Object.freeze({ name, sentence });
    this.numbers.set(reason, number);
    return reason;
  }

  /** The number that stands for one; throws VtepError where it is not one of this endpoint's. */
  numberOf(reason: DropReason): number {
    const number = this.numbers.get(reason);
    if (number === undefined)
      throw new VtepError('invalid', 'a frame is dropped for a reason that endpoint.reason() has given');
    return number;
  }
}
