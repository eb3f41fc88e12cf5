import type { Command } from '../iproute/commands.js';
import { printChainGet, printChains } from '../iproute/print-chain.js';
import type { Reply } from './protocol.js';
import type { Rules } from './rules.js';

/** A command of `tc chain`. */
export type ChainCommand = Extract<Command, { readonly kind: `chain-${string}` }>;

export function isChainCommand(command: Command): command is ChainCommand {
  return command.kind.startsWith('chain-');
}

/** Carries out a command of `tc chain`; throws CommandError with nothing done. */
export function carryOutChain(rules: Rules, command: ChainCommand, say: (reply: Reply) => void): void {
  const { selector } = command;
  switch (command.kind) {
    case 'chain-add':
      rules.editChain('add', selector);
      break;
    case 'chain-del':
      rules.editChain('del', selector);
      break;
    case 'chain-get':
      for (const number of rules.chains(selector, true)) say({ out: printChainGet(number, command.output) });
      break;
    case 'chain-show':
      say({ out: printChains(rules.chains(selector, false), selector, command.output) });
      break;
  }
}
