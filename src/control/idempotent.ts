/** What may be said again of a device that stands from before: an address, a route or a neighbour that it has. */
const objects = ['address', 'route', 'neighbor', 'neighbour'];

/**
 * A line for the system's `ip` that a persistent TAP survives a second time: `add` becomes `replace`. Other lines stay
 * as they are.
 */
export function idempotent(argv: readonly string[]): readonly string[] {
  let at = 0;
  while (argv[at]?.startsWith('-')) at += abbreviates(argv[at], '-family') ? 2 : 1;
  const [object, verb] = argv.slice(at);
  if (!objects.some((name) => abbreviates(object, name)) || !abbreviates(verb, 'add')) return argv;
  return argv.with(at + 1, 'replace');
}

function abbreviates(word: string | undefined, name: string): boolean {
  return word !== undefined && word !== '' && name.startsWith(word);
}
