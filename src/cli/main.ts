import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';
import { withHelp } from './help-word.js';
import { endWithReader } from './pipes.js';
import { drawPlainly } from './plain-characters.js';
import { program } from './program.js';

endWithReader();
for (const stream of [process.stdout, process.stderr]) drawPlainly(stream, process.env);

/** Everything that stops a command ends here: what is said on stderr, and the exit code. */
const vtep = program();
vtep.parseAsync(withHelp(vtep, process.argv.slice(2)), { from: 'user' }).catch((error: unknown) => {
  if (error instanceof CommandError) {
    if (error.message !== '') process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  } else if (error instanceof Error && 'code' in error && error.code === 'EMFILE') {
    process.stderr.write(`vtep: ${errorText(error)} (ulimit -n allows too few)\n`);
    process.exitCode = 1;
  } else {
    process.stderr.write(`vtep: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
});
