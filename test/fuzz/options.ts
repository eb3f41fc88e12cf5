/** The words behind `npm run fuzz --`. */
export interface Options {
  readonly targets: readonly string[];
  readonly seconds: number;
  readonly runs?: number;
  readonly seed: number;
  readonly guided: boolean;
  /** Rewrites the corpus of each target. */
  readonly save: boolean;
  readonly list: boolean;
  readonly help: boolean;
  readonly modules: boolean;
  readonly json?: string;
  readonly replay?: string;
  readonly findings: string;
}

export const HELP = `npm run fuzz [-- [OPTIONS] [TARGET…]]
  Feeds vtep's readers of untrusted bytes with inputs that are generated, or changed from those that reached new code,
  and looks whether what must hold does. Ends with 1 where it does not, with 2 where it was told something wrong.

  --seconds N        how long each target takes (10)
  --runs N           at most so many inputs for each target
  --seed N           what chance begins with (the time of day; it is printed)
  --blind            count the blocks that were reached, and do not let them guide
  --save             put what reached new blocks into test/fuzz/corpus, and take out what adds nothing
  --findings FOLDER  where inputs that broke something go (fuzz-findings)
  --replay FILE      run this one input of the one TARGET named, and show it
  --modules          print the blocks that were reached, module by module
  --json FILE        write the figures there, too
  --list             print the targets
  --help             print this
`;

const NUMBERS = ['--seconds', '--runs', '--seed'] as const;
const TEXTS = ['--findings', '--replay', '--json'] as const;
const FLAGS = ['--blind', '--save', '--modules', '--list', '--help', '-h'] as const;

function isOneOf<T extends string>(words: readonly T[], word: string): word is T {
  return (words as readonly string[]).includes(word);
}

/** Throws an Error that names the word that is wrong. `known`: the names of targets. */
export function parseOptions(words: readonly string[], known: readonly string[]): Options {
  const numbers = new Map<string, number>();
  const texts = new Map<string, string>();
  const flags = new Set<string>();
  const targets: string[] = [];
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? '';
    if (isOneOf(FLAGS, word)) flags.add(word);
    else if (isOneOf(NUMBERS, word) || isOneOf(TEXTS, word)) {
      const value = words[++n];
      if (value === undefined || value.startsWith('--')) throw new Error(`${word} needs a value`);
      if (isOneOf(TEXTS, word)) texts.set(word, value);
      else if (/^\d+(\.\d+)?$/.test(value)) numbers.set(word, Number(value));
      else throw new Error(`${word}: "${value}" is not a number`);
    } else if (word.startsWith('-')) throw new Error(`what is "${word}"? --help tells`);
    else if (known.includes(word)) targets.push(word);
    else throw new Error(`no target is called "${word}"; there are ${known.join(', ')}`);
  }
  const replay = texts.get('--replay');
  if (replay !== undefined && targets.length !== 1)
    throw new Error('--replay needs the one target that the file is for');
  const runs = numbers.get('--runs');
  const json = texts.get('--json');
  return {
    targets: targets.length > 0 ? [...new Set(targets)] : known,
    seconds: numbers.get('--seconds') ?? 10,
    ...(runs !== undefined && { runs }),
    seed: numbers.get('--seed') ?? Date.now() % 1_000_000,
    guided: !flags.has('--blind'),
    save: flags.has('--save'),
    list: flags.has('--list'),
    help: flags.has('--help') || flags.has('-h'),
    modules: flags.has('--modules'),
    ...(json !== undefined && { json }),
    ...(replay !== undefined && { replay }),
    findings: texts.get('--findings') ?? 'fuzz-findings',
  };
}
