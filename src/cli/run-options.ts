/** What single options of `vtep run` and its like are told: words of the command line, checked as far as they can be there. */
import { InvalidArgumentError } from 'commander';

/** A file descriptor number of the command line. */
export function descriptor(word: string): number {
  if (!/^\d{1,6}$/.test(word)) throw new InvalidArgumentError('a descriptor is a small number.');
  return Number(word);
}

/** A classifier's name on the command line. */
export function classifier(word: string): 'tuple-space' | 'linear' {
  if (word !== 'tuple-space' && word !== 'linear') throw new InvalidArgumentError('tuple-space or linear.');
  return word;
}
