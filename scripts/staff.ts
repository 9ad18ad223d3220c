import { createAsk } from './staff/ask.ts';
import { runStaff } from './staff/run.ts';

/** What staff can do, from a terminal: `npm run staff -- <command>`. */
const { ask, close } = createAsk(process.stdin, process.stderr);
process.exitCode = await runStaff(process.argv.slice(2), {
  env: process.env,
  ask,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
close();
