/** docs/drops.md, made from the table of reasons. `npm run docs` writes it; a test fails where it is stale. */
import { REASONS } from '../../src/memory/reasons.js';

const HEAD = `# Where frames end

\`vtep drops\` lists, device by device, every frame that ended elsewhere than where it was sent: the reason, the count,
how many there are in a second (over the last five while somebody keeps asking; who asks first is told of the tenth of
a second that it takes), and this sentence. \`drop\` means that the frame is gone, \`pass\` that it is only worth knowing
about. \`--json\` prints the same as a list of \`{reason, verdict, device, count, rate,
sentence}\`. The last frames of each reason are shown with \`--last\`, and \`-w\` follows: see [watching](watching.md#drops).

<!-- written by npm run docs, from src/memory/reasons.ts -->

| reason | | what it means |
| --- | --- | --- |
`;

export function dropsPage(): string {
  const rows = REASONS.map(({ name, verdict, sentence }) => `| \`${name}\` | ${verdict} | ${sentence} |\n`);
  return HEAD + rows.join('');
}
