import { userInfo } from 'node:os';
import { runPilectl } from './run-pilectl.ts';

/** The technician's command line. Whom sudo has let in is named, and not root. */
process.exitCode = await runPilectl(process.argv.slice(2), {
  stdin: process.stdin,
  technician: process.env.SUDO_USER ?? userInfo().username,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
