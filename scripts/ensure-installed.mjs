// Runs before every npm script, on whatever Node the machine has, and needs nothing that is not in it. When the
// installed packages are not those of the lock file, it installs them: the runtime (Node 24) is one of them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const marker = join(root, 'node_modules', '.pilegate-installed');
const runtime = join(root, 'node_modules', '.bin', 'node');
const digest = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
const isCurrent = existsSync(runtime) && existsSync(marker) && readFileSync(marker, 'utf8') === digest;

if (!isCurrent) {
  process.stderr.write('Installing packages (npm ci); this takes about a minute.\n');
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (done.status !== 0) {
    process.stderr.write('npm ci failed: see above. Is the npm registry reachable?\n');
    process.exit(1);
  }
  writeFileSync(marker, digest);
}
