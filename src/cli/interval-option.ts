import { InvalidArgumentError } from 'commander';

/** Seconds of the command line. */
export function interval(word: string): number {
  const seconds = Number(word);
  if (!/^\d+(\.\d+)?$/.test(word) || seconds < 0.1 || seconds > 3600)
    throw new InvalidArgumentError('0.1 to 3600 seconds.');
  return seconds;
}
