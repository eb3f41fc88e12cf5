import { CUSTOM_REASON, CUSTOM_REASONS } from './counters.js';
import { REASONS, type Reason } from './reasons.js';

/** How many reasons there may be: numbers are below it. */
export const REASON_NUMBERS = CUSTOM_REASON + CUSTOM_REASONS;

/** The reasons of an endpoint: those of the table, and those that the program around it has added, from CUSTOM_REASON on. */
export class ReasonNames {
  private readonly own: Reason[] = [];

  /** Adds a reason of the program's; returns its number, -1 where there is room for no more. */
  add(name: string, sentence: string): number {
    if (this.own.length === CUSTOM_REASONS) return -1;
    return CUSTOM_REASON + this.own.push({ name, verdict: 'drop', sentence }) - 1;
  }

  at(number: number): Reason | undefined {
    return number < CUSTOM_REASON ? REASONS[number] : this.own[number - CUSTOM_REASON];
  }

  /** undefined: there is none of that name. */
  numberOf(name: string): number | undefined {
    return this.list().find((reason) => reason.name === name)?.number;
  }

  /** All of them, in the order in which they are shown. */
  list(): readonly (Reason & { readonly number: number })[] {
    return [
      ...REASONS.map((reason, number) => ({ ...reason, number })),
      ...this.own.map((reason, n) => ({ ...reason, number: CUSTOM_REASON + n })),
    ];
  }
}

/** Those of the table alone. */
export const TABLE_REASONS: Pick<ReasonNames, 'at' | 'numberOf' | 'list'> = new ReasonNames();
