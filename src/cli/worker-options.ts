/** What `vtep run` is told of its workers: words of the command line, checked as far as they can be there. */
import { InvalidArgumentError } from 'commander';

/** As the datapath's: it is not loaded for a command line. */
const MAX_WORKERS = 64;
const MAX_CPU = 1023;
/** A second: who wants more has a processor to spare, and could have it spin for ever. */
const MAX_BUSY_POLL = 1_000_000;

/** `--workers N`. */
export function workers(word: string): number {
  const number = numberOf(word);
  if (number < 1 || number > MAX_WORKERS) throw new InvalidArgumentError(`1 to ${MAX_WORKERS} workers.`);
  return number;
}

/** `--cpus LIST`: numbers and ranges, as taskset -c takes them; the order stays. */
export function cpuList(word: string): readonly number[] {
  return word.split(',').flatMap((part) => {
    const [first = '', last = first, ...more] = part.split('-');
    const [from, to] = [numberOf(first), numberOf(last)];
    if (more.length > 0 || from < 0 || to < from || to > MAX_CPU)
      throw new InvalidArgumentError(`"${part}" is no processor, nor a range of them.`);
    return Array.from({ length: to - from + 1 }, (_, n) => from + n);
  });
}

/** `--busy-poll US`. */
export function busyPoll(word: string): number {
  const number = numberOf(word);
  if (number < 0 || number > MAX_BUSY_POLL)
    throw new InvalidArgumentError(`microseconds, at most ${MAX_BUSY_POLL}; 0 is off.`);
  return number;
}

/** -1 for what is no number. */
function numberOf(word: string): number {
  return /^\d{1,7}$/.test(word) ? Number(word) : -1;
}
