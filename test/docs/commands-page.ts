/** docs/commands.md, made from the commands and the grammar. `npm run docs` writes it; a test fails where it is stale. */
import type { Command } from 'commander';
import { program } from '../../src/cli/program.js';
import { type FlowerKeyRow, flowerKeys } from '../../src/iproute/flower-keys.js';
import { type HelpTopic, helpText, helpTopics } from '../../src/iproute/help.js';
import { NEEDS, neededBefore, VALUE_FORMS, type ValueForm } from './key-values.js';

const HEAD = `# Every command

What \`vtep help\` and the help at every place of the grammar say, on one page. vtep's own verbs first, then the lines of
iproute2 that it takes: as \`vtep ip …\`, \`vtep tc …\`, \`vtep bridge …\`, or as lines of a batch. \`vtep help\` finds them by
their words, or by the last: \`vtep help tc filter\`, \`vtep help flower\`.

**Exit codes.** 0: done. Of \`ip\`, \`tc\` and \`bridge\` those of iproute2: 1, 2 or 255. Of vtep's own verbs 1, where something is
refused or fails; of \`doctor\`, \`lint\` and \`test\`, of which 1 is an answer, 2; \`run\` ends with 2 where the system refuses. 141:
whoever read the output has ended. Messages go to standard error; its first line names the word that is wrong.

<!-- written by npm run docs, from src/cli/program.ts and src/iproute -->

`;

const WIDTH = 110;

/** The usage that a verb of vtep prints when asked, whatever terminal it was written on. */
function usage(command: Command): string {
  return command
    .configureHelp({ helpWidth: WIDTH })
    .configureOutput({ getOutHasColors: () => false })
    .helpInformation()
    .trimEnd();
}

function block(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\`\n`;
}

/** Verbs that hand their words on: their help is the grammar's. */
const TOOLS = new Set(['ip', 'tc', 'bridge']);

function verbs(): string {
  const vtep = program();
  const own = vtep.commands.filter((command) => !TOOLS.has(command.name()));
  const sections = own.map((command) => {
    const grammar = command.name() === 'monitor' ? `\n${block(helpText('monitor'))}` : '';
    return `### vtep ${command.name()}\n\n${block(usage(command))}${grammar}`;
  });
  return `## vtep\n\n${block(usage(vtep))}\n${sections.join('\n')}`;
}

function grammarOf(tool: string): string {
  const topics = helpTopics.filter((topic) => topic === tool || topic.startsWith(`${tool} `));
  return topics
    .map((topic: HelpTopic) => `${topic === tool ? '##' : '###'} ${topic}\n\n${block(helpText(topic))}`)
    .join('\n');
}

/** What a row of the table says of the key's value; undefined for what is not typed by itself. */
export function valueForm({ kind, typed }: FlowerKeyRow): ValueForm | undefined {
  return kind === 'ether-type' || kind === 'port-range' || typed === '' ? undefined : VALUE_FORMS[kind];
}

function keys(): string {
  const rows = flowerKeys.flatMap((row) => {
    const form = valueForm(row);
    if (form === undefined) return [];
    const need = neededBefore(row);
    const needs = need === undefined ? '' : NEEDS[need].words;
    return [`| \`${row.typed ?? row.name}\` | ${form.value} | ${form.mask} | \`${form.example}\` | ${needs} |\n`];
  });
  return `## Keys of flower\n\n| key | value | mask | as in | asks for |\n| --- | --- | --- | --- | --- |\n${rows.join('')}`;
}

export function commandsPage(): string {
  return HEAD + [verbs(), grammarOf('ip'), grammarOf('tc'), keys(), grammarOf('bridge')].join('\n');
}
