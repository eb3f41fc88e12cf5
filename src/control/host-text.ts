import { type Reply, type Say, sayingAs } from './protocol.js';

/** What a tool of the system prints that `run` runs; what it complains of is passed on. */
export async function textOf(run: (say: Say) => Promise<void>, say: Say): Promise<string> {
  let text = '';
  const heard = (reply: Reply): undefined => {
    if ('out' in reply) text += reply.out;
    else say(reply);
  };
  await run(sayingAs(say, heard));
  return text;
}
