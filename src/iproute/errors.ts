/**
 * The refusals of iproute2's common helpers, and vtep's own. Exit code 255 is iproute2's exit(-1); 2 is what tc and
 * ip answer when the kernel refuses.
 */
import { CommandError } from './commands.js';
import { suggest } from './suggest.js';

/** NEXT_ARG at the end of the line. */
export function incomplete(): CommandError {
  return new CommandError('Command line is not complete. Try option "help"', 255);
}

/** invarg() */
export function invalidArgument(reason: string, word: string): CommandError {
  return new CommandError(`Error: argument "${word}" is wrong: ${reason}`, 255);
}

/** duparg() */
export function duplicate(key: string, word: string): CommandError {
  return new CommandError(`Error: duplicate "${key}": "${word}" is the second value.`, 255);
}

/** duparg2() */
export function duplicateOrGarbage(key: string, word: string): CommandError {
  return new CommandError(`Error: either "${key}" is duplicate, or "${word}" is a garbage.`, 255);
}

/** What iproute2 or the kernel knows and vtep does not; `what` names the word, as in `flower key "vlan_id"`. */
export function notSupported(what: string): CommandError {
  return new CommandError(`vtep: ${what} is not supported by vtep`, 2);
}

/** The verb of an object that nobody knows; `object` as in `tc filter`. */
export function unknownCommand(word: string, object: string, known: readonly string[]): CommandError {
  return new CommandError(`Command "${word}" is unknown, try "${object} help".${suggest(word, known)}`, 255);
}

/** A refusal in the words of the kernel, as tc reports it for filters. */
export function filterRefusal(message: string): CommandError {
  return new CommandError(`${message}\nWe have an error talking to the kernel`, 2);
}
